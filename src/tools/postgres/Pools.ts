/**
 * Connections to PostgreSQL, pooled for each server, database and user.
 *
 * `session` gives one for a scope. It comes back clean: an open transaction is rolled back, and everything that a
 * session can remember (settings, temporary tables, locks, prepared statements) is discarded.
 */
import { Cause, Clock, Context, Duration, Effect, Layer, Redacted, Schedule, type Scope } from "effect"
import type { Pool, PoolClient } from "pg"
import type { ConnectionOptions } from "node:tls"
import { guarded } from "../breaker/Breakers.ts"
import { ToolError } from "../../domain/ToolError.ts"
import { connectFailure, refused } from "./failure.ts"
import * as Pooled from "../sql/pooled.ts"
import { PostgresOptions, type PostgresSettings } from "./PostgresOptions.ts"
import { type Target, shown } from "./settings.ts"
import { cancel, sslOf } from "./ssl.ts"
import type { PgType } from "./types.ts"
import { install, type Wire } from "./Wire.ts"

export interface Session {
  readonly client: PoolClient
  readonly wire: Wire
  /** Types of this database that are known by now, the built-in ones not among them. */
  readonly types: Map<number, PgType>
  /** Asks the server to stop what runs on this connection. */
  readonly cancel: Effect.Effect<void>
  /** Takes the connection out of the pool when it comes back. */
  readonly spoil: () => void
}

export class Pools extends Context.Service<
  Pools,
  {
    /** A connection for the scope. `tool` is the kind, for errors. */
    readonly session: (target: Target, tool: string) => Effect.Effect<Session, ToolError, Scope.Scope>
    /** Connections that are open, free ones included. */
    readonly open: Effect.Effect<number>
  }
>()("noetl-worker/tools/postgres/Pools") {
  static readonly layer = Layer.effect(
    Pools,
    Effect.gen(function* () {
      const options = yield* PostgresOptions
      const all = new Set<Pool>()
      const pools = yield* Pooled.make({
        lookup: (target: Target) =>
          Effect.flatMap(
            Effect.promise(() => import("pg")),
            ({ default: pg }) => poolOf(pg.Pool, all, options, target)
          ),
        idleTimeToLive: options.idle,
        capacity: options.maxPools
      })
      return Pools.of({
        session: (target, tool) =>
          pools.get(target).pipe(
            Effect.catchIf(Cause.isExceededCapacityError, () =>
              Effect.fail(refused(tool, "too many different databases at a time", "POOLS_EXHAUSTED"))
            ),
            Effect.flatMap((pool) => sessionOf(options, pool, target, tool)),
            guarded({ tool, name: `postgres ${target.host}:${target.port}`, kind: "db_connection" })
          ),
        open: Effect.sync(() => [...all].reduce((sum, pool) => sum + pool.totalCount, 0))
      })
    })
  )
}

interface Opened {
  readonly pool: Pool
  readonly ssl: ConnectionOptions | undefined
  readonly types: Map<number, PgType>
  readonly wires: WeakMap<PoolClient, Wire>
  readonly lastUsed: WeakMap<PoolClient, number>
}

const poolOf = (
  PoolClass: typeof Pool,
  all: Set<Pool>,
  options: PostgresSettings,
  target: Target
): Effect.Effect<Opened, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(sslOf(target, Duration.toMillis(options.connectTimeout)), (ssl) => {
      const wires = new WeakMap<PoolClient, Wire>()
      const pool = new PoolClass({
        host: target.host,
        port: target.port,
        database: target.database,
        user: target.user,
        password: Redacted.value(target.password),
        ssl: ssl ?? false,
        max: target.poolSize ?? options.poolSize,
        idleTimeoutMillis: Duration.toMillis(options.idle),
        maxLifetimeSeconds: Duration.toSeconds(options.lifetime),
        connectionTimeoutMillis: Duration.toMillis(options.connectTimeout),
        keepAlive: true,
        application_name: options.applicationName,
        // In the start-up packet, so that DISCARD ALL comes back to them. The readers of values count on them.
        options: "-c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1",
        // The end of the process waits for no idle connection.
        allowExitOnIdle: true
      })
      pool.on("connect", (client) => wires.set(client, install(client)))
      // An idle connection that breaks has left the pool already; no command needs to know.
      pool.on("error", () => undefined)
      all.add(pool)
      return { pool, ssl, types: new Map(), wires, lastUsed: new WeakMap() }
    }),
    ({ pool }) =>
      Effect.promise(() => pool.end()).pipe(
        Effect.andThen(Effect.sync(() => all.delete(pool))),
        Effect.asVoid
      )
  )

/** What is held of the pool. It is filled by the driver's own call, so that no interruption comes between. */
interface Held {
  client: PoolClient | undefined
  spoilt: boolean
  readonly broken: () => void
}

const sessionOf = Effect.fnUntraced(function* (
  options: PostgresSettings,
  pooled: Opened,
  target: Target,
  tool: string
) {
  const held: Held = {
    client: undefined,
    spoilt: false,
    broken: () => {
      held.spoilt = true
    }
  }
  yield* Effect.addFinalizer(() => giveBack(options, pooled, held))
  const client = yield* healthy(options, pooled, held, target, tool)
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  return {
    client,
    wire: pooled.wires.get(client) ?? install(client),
    types: pooled.types,
    cancel: cancel(target, pooled.ssl, { processID, secretKey }, Duration.toMillis(options.cancelGrace)),
    spoil: held.broken
  } satisfies Session
})

const giveBack = Effect.fnUntraced(function* (options: PostgresSettings, pooled: Opened, held: Held) {
  const { client } = held
  if (client === undefined) return
  const clean = !held.spoilt && (yield* cleaned(client, options))
  pooled.lastUsed.set(client, yield* Clock.currentTimeMillis)
  client.removeAllListeners("notice")
  letGo(held, client, clean)
})

const letGo = (held: Held, client: PoolClient, clean: boolean): void => {
  held.client = undefined
  client.removeListener("error", held.broken)
  client.release(!clean)
}

/** A connection that answers. One that was idle for long is asked first and replaced when it does not. */
const healthy = (options: PostgresSettings, pooled: Opened, held: Held, target: Target, tool: string) =>
  Effect.gen(function* () {
    if (pooled.pool.waitingCount >= options.maxWaiting) {
      const message = `${options.maxWaiting} commands wait for ${shown(target)} already`
      return yield* refused(tool, message, "POOL_FULL")
    }
    const client = yield* connected(pooled.pool, held, tool, target)
    const now = yield* Clock.currentTimeMillis
    if (now - (pooled.lastUsed.get(client) ?? now) < Duration.toMillis(options.checkAfter)) return client
    if (yield* answers(client, options)) return client
    letGo(held, client, false)
    return yield* connectFailure(new Error("Connection terminated"), tool, shown(target))
  }).pipe(
    Effect.retry({
      while: (error) => error.isRetryable,
      schedule: Schedule.max([
        Schedule.fibonacci(options.connectPause).pipe(Schedule.jittered),
        Schedule.recurs(options.connectAttempts - 1)
      ])
    })
  )

/** A connection that arrives after the interruption goes back at once. */
const connected = (
  pool: Pool,
  held: Held,
  tool: string,
  target: Target
): Effect.Effect<PoolClient, ToolError> =>
  Effect.callback((resume) => {
    const state = { wanted: true }
    pool.connect((error, client, release) => {
      if (error !== undefined && error !== null) {
        resume(Effect.fail(connectFailure(error, tool, shown(target))))
      } else if (client === undefined || !state.wanted) release()
      else {
        held.client = client
        held.spoilt = false
        // One that breaks while nothing runs on it is reported here; what runs on it gets the error by itself.
        client.on("error", held.broken)
        resume(Effect.succeed(client))
      }
    })
    return Effect.sync(() => {
      state.wanted = false
    })
  })

const answers = (client: PoolClient, options: PostgresSettings): Effect.Effect<boolean> =>
  Effect.tryPromise(() => client.query("SELECT 1")).pipe(
    Effect.timeout(options.cancelGrace),
    Effect.match({ onSuccess: () => true, onFailure: () => false })
  )

/** Whether the connection is as new. */
const cleaned = (client: PoolClient, options: PostgresSettings): Effect.Effect<boolean> =>
  Effect.tryPromise(async () => {
    if (client.getTransactionStatus() !== "I") await client.query("ROLLBACK")
    await client.query("DISCARD ALL")
  }).pipe(
    Effect.timeout(options.cancelGrace),
    Effect.match({ onSuccess: () => true, onFailure: () => false })
  )
