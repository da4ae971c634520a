/**
 * Who has a database at a time: commands that leave nothing behind share it. One that makes secrets or attaches
 * databases has it for itself, and both go with it: they belong to the whole database, not to a connection.
 */
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api"
import { Effect, type Scope, Semaphore } from "effect"
import { quoteName } from "../sql/tokens.ts"

export interface Gate {
  readonly instance: DuckDBInstance
  readonly permits: Semaphore.Semaphore
  /** Held while one waits for its permits, so that those who come later wait behind it. */
  readonly turn: Semaphore.Semaphore
  /** Who is inside, and needs not enter again for a second connection. */
  readonly inside: Set<Scope.Scope>
}

/** More than there are commands at a time. */
const all = 1_000_000

export const makeGate = (instance: DuckDBInstance): Effect.Effect<Gate> =>
  Effect.all([Semaphore.make(all), Semaphore.make(1)]).pipe(
    Effect.map(([permits, turn]) => ({ instance, permits, turn, inside: new Set() }))
  )

/** For the scope, once. `broken` is for a database that cannot be brought back. */
export const enter = Effect.fnUntraced(function* (gate: Gate, alone: boolean, broken: Effect.Effect<void>) {
  const scope = yield* Effect.scope
  if (gate.inside.has(scope)) return
  const permits = alone ? all : 1
  yield* gate.turn.withPermit(
    Effect.acquireRelease(gate.permits.take(permits), () => leave(gate, scope, permits), {
      interruptible: true
    })
  )
  gate.inside.add(scope)
  if (alone) yield* cleaned(gate.instance, broken)
})

// --- helpers ---

const leave = (gate: Gate, scope: Scope.Scope, permits: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    gate.inside.delete(scope)
    return Effect.asVoid(gate.permits.release(permits))
  })

interface Found {
  readonly databases: ReadonlyArray<string>
  readonly secrets: ReadonlyArray<string>
}

const cleaned = (
  instance: DuckDBInstance,
  broken: Effect.Effect<void>
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(connected(instance, snapshot), (before) =>
      connected(instance, async (connection) => {
        const after = await snapshot(connection)
        for (const name of added(before.databases, after.databases)) {
          await connection.run(`DETACH ${quoteName(name)}`)
        }
        for (const name of added(before.secrets, after.secrets)) {
          await connection.run(`DROP SECRET ${quoteName(name)}`)
        }
      }).pipe(
        Effect.catch((cause) =>
          Effect.andThen(
            Effect.logWarning(
              "a DuckDB database is closed: what a command attached cannot be taken away",
              cause
            ),
            broken
          )
        )
      )
    )
  )

const added = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): ReadonlyArray<string> =>
  after.filter((name) => !before.includes(name))

const snapshot = async (connection: DuckDBConnection): Promise<Found> => {
  const names = async (sql: string) =>
    (await connection.runAndReadAll(sql)).getRows().map(([name]) => String(name))
  return {
    databases: await names("SELECT database_name FROM duckdb_databases() WHERE NOT internal"),
    secrets: await names("SELECT name FROM duckdb_secrets()")
  }
}

const connected = <A>(
  instance: DuckDBInstance,
  work: (connection: DuckDBConnection) => Promise<A>
): Effect.Effect<A, unknown> =>
  Effect.tryPromise({
    try: async () => {
      const connection = await instance.connect()
      try {
        return await work(connection)
      } finally {
        connection.closeSync()
      }
    },
    catch: (cause) => cause
  })
