/**
 * One pool of connections to the database that keeps jobs. Every statement is one round trip without a name, so that a
 * pooler in transaction mode between us and the server changes nothing.
 */
import { Context, Duration, Effect, Layer, Redacted, Schema, type Scope } from "effect"
import type { Client, Pool } from "pg"
import { messageOf } from "../domain/messageOf.ts"
import { shownUrl } from "../domain/shownUrl.ts"
import { clientOptions, type DatabaseSettings } from "./clientOptions.ts"

/** A statement that failed. `code` is its SQLSTATE or the socket's code; undefined where neither is known. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  code: Schema.UndefinedOr(Schema.String),
  detail: Schema.String
}) {
  override get message(): string {
    return this.code === undefined ? this.detail : `${this.detail} (${this.code})`
  }
  /** The same statement may succeed later, unchanged: the server is away, starts, has no space, or is a replica. */
  get isRetryable(): boolean {
    const code = this.code ?? ""
    return code === "" || !isSqlState(code) || /^(08|25006|40|53|55P03|57|58)/.test(code)
  }
}

export type Row = Readonly<Record<string, unknown>>

export class Database extends Context.Service<
  Database,
  {
    /** Host, port and database: what logs may show. */
    readonly address: string
    /**
     * Runs one statement. An interruption does not stop it: a statement that was sent may have happened, so its answer is
     * awaited.
     */
    readonly query: (
      text: string,
      values?: ReadonlyArray<unknown>
    ) => Effect.Effect<ReadonlyArray<Row>, DatabaseError>
    /** A connection outside of the pool, for the scope: for LISTEN and for transactions. */
    readonly connection: Effect.Effect<Client, DatabaseError, Scope.Scope>
  }
>()("noetl-worker/postgres/Database") {
  /** Connects with the first statement. The driver is loaded then. */
  static readonly layer = (settings: DatabaseSettings): Layer.Layer<Database> =>
    Layer.effect(Database, make(settings))
}

const make = Effect.fnUntraced(function* (settings: DatabaseSettings) {
  const state: { pool: Pool | undefined } = { pool: undefined }
  const plain = { applicationName: settings.applicationName, url: Redacted.value(settings.url) }
  yield* Effect.addFinalizer(() =>
    Effect.promise(() => state.pool?.end() ?? Promise.resolve()).pipe(Effect.timeoutOption("2 seconds"))
  )
  const pool = yield* Effect.cached(
    Effect.map(driver, (pg) => {
      const opened = new pg.Pool({
        ...clientOptions(plain),
        max: settings.maxConnections,
        idleTimeoutMillis: 30_000,
        query_timeout: Duration.toMillis(settings.statementTimeout)
      })
      // A connection that breaks while it is idle has left the pool already.
      opened.on("error", () => undefined)
      state.pool = opened
      return opened
    })
  )
  return Database.of({
    address: shownUrl(plain.url),
    query: (text, values = []) =>
      Effect.uninterruptible(
        Effect.flatMap(pool, (opened) =>
          Effect.tryPromise({
            try: async () => (await opened.query<Row>(text, [...values])).rows,
            catch: databaseError
          })
        )
      ),
    connection: Effect.acquireRelease(
      Effect.flatMap(driver, (pg) =>
        Effect.tryPromise({
          try: async () => {
            const client = new pg.Client(clientOptions(plain))
            client.on("error", () => undefined)
            await client.connect()
            return client
          },
          catch: databaseError
        })
      ),
      (client) =>
        Effect.promise(() => client.end().catch(() => undefined)).pipe(Effect.timeoutOption("2 seconds"))
    )
  })
})

// --- the driver's edge ---

const driver = Effect.map(
  Effect.promise(() => import("pg")),
  (module) => module.default
)

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code)

/** What the driver throws. A refused connection to several addresses has its reason inside. */
export const databaseError = (cause: unknown): DatabaseError => {
  const inner = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  const code =
    typeof inner === "object" && inner !== null && "code" in inner && typeof inner.code === "string"
      ? inner.code
      : undefined
  return new DatabaseError({ code, detail: messageOf(inner) })
}
