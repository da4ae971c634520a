/**
 * Sessions with Snowflake, pooled for each account, user and set of settings. The driver is loaded with the first one.
 *
 * A session that was changed (USE, ALTER SESSION, an open transaction) or whose command failed is not used again.
 */
import { Cause, Context, Duration, Effect, Layer, Pool, Redacted, type Scope } from "effect"
import type { Connection, ConnectionOptions } from "snowflake-sdk"
import { guarded } from "../breaker/Breakers.ts"
import type { ToolError } from "../../domain/ToolError.ts"
import { connectFailure, missing } from "./failure.ts"
import * as Pooled from "../sql/pooled.ts"
import type { Account } from "./settings.ts"
import { SnowflakeOptions, type SnowflakeSettings } from "./SnowflakeOptions.ts"

export interface Session {
  readonly connection: Connection
  /** Ends the session when it comes back. */
  readonly spoil: Effect.Effect<void>
}

export class Sessions extends Context.Service<
  Sessions,
  {
    readonly session: (account: Account, tool: string) => Effect.Effect<Session, ToolError, Scope.Scope>
    /** Sessions that are open, free ones included. */
    readonly open: Effect.Effect<number>
  }
>()("noetl-worker/tools/snowflake/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const settings = yield* SnowflakeOptions
      const count = { open: 0 }
      const spoilt = new WeakSet<Connection>()
      const load = yield* Effect.cached(Effect.tryPromise(() => loadDriver(settings)))
      const pools = yield* Pooled.make({
        lookup: (account: Account) =>
          Pool.makeWithTTL({
            acquire: connected(load, settings, account, count),
            min: 0,
            max: settings.poolSize,
            timeToLive: settings.idle
          }),
        idleTimeToLive: settings.idle,
        capacity: settings.maxPools
      })
      return Sessions.of({
        open: Effect.sync(() => count.open),
        session: (account, tool) =>
          Effect.gen(function* () {
            const pool = yield* pools.get(account)
            return yield* borrowed(pool, spoilt)
          }).pipe(
            Effect.mapError((cause) =>
              cause instanceof NotInstalled
                ? missing(tool)
                : connectFailure(
                    Cause.isExceededCapacityError(cause) ? new Error("too many accounts at a time") : cause,
                    tool,
                    account.account
                  )
            ),
            guarded({
              tool,
              name: `snowflake ${account.accessUrl ?? account.account}`,
              kind: "db_connection"
            })
          )
      })
    })
  )
}

class NotInstalled extends Error {}

type Driver = typeof import("snowflake-sdk")

const loadDriver = async ({ ocsp }: SnowflakeSettings): Promise<Driver> => {
  const module = await import("snowflake-sdk")
  const driver = (module as unknown as { readonly default?: Driver }).default ?? module
  // It would write a log file into the working directory.
  driver.configure({ logLevel: "OFF", additionalLogToConsole: false, disableOCSPChecks: !ocsp })
  return driver
}

const connected = (
  load: Effect.Effect<Driver, unknown>,
  settings: SnowflakeSettings,
  account: Account,
  count: { open: number }
): Effect.Effect<Connection, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const driver = yield* Effect.mapError(load, () => new NotInstalled())
      const connection = yield* Effect.try({
        try: () => driver.createConnection(optionsOf(settings, account)),
        catch: (cause) => cause
      })
      yield* Effect.callback<void, unknown>((resume) => {
        void connection
          .connectAsync((error) =>
            resume(error === undefined || error === null ? Effect.void : Effect.fail(error))
          )
          .catch((cause: unknown) => resume(Effect.fail(cause)))
      }).pipe(
        Effect.timeoutOrElse({
          duration: settings.connectTimeout,
          // In the words of a socket, which the failure is read from.
          orElse: () => Effect.fail({ code: "ETIMEDOUT", message: "no answer in time" })
        })
      )
      count.open++
      return connection
    }),
    (connection) =>
      Effect.callback<void>((resume) => {
        count.open--
        connection.destroy(() => resume(Effect.void))
      }).pipe(Effect.timeoutOption(Duration.seconds(2)), Effect.asVoid)
  )

/**
 * An unspoilt session. A spoilt one is taken out only after it came back: while it is borrowed, the pool would
 * sign in anew at once, and no command needs that session.
 */
const borrowed = Effect.fnUntraced(function* (
  pool: Pool.Pool<Connection, unknown>,
  spoilt: WeakSet<Connection>
) {
  const held: { connection: Connection | undefined } = { connection: undefined }
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() =>
      held.connection !== undefined && spoilt.has(held.connection)
        ? Pool.invalidate(pool, held.connection)
        : Effect.void
    )
  )
  for (;;) {
    const connection = yield* Pool.get(pool)
    // Between its coming back and its being taken out another command may get it.
    if (spoilt.has(connection)) {
      yield* Pool.invalidate(pool, connection)
      continue
    }
    held.connection = connection
    return { connection, spoil: Effect.sync(() => void spoilt.add(connection)) } satisfies Session
  }
})

const optionsOf = (settings: SnowflakeSettings, account: Account): ConnectionOptions => ({
  account: account.account,
  username: account.user,
  ...(account.accessUrl === undefined ? {} : { accessUrl: account.accessUrl }),
  ...proofOf(account),
  warehouse: account.warehouse,
  schema: account.schema,
  ...(account.database === undefined ? {} : { database: account.database }),
  ...(account.role === undefined ? {} : { role: account.role }),
  application: settings.application,
  clientSessionKeepAlive: false,
  representNullAsStringNull: false,
  // Rows go with the request: a stage is another service with other addresses.
  arrayBindingThreshold: 100_000_000,
  sfRetryMaxLoginRetries: 2,
  retryTimeout: Duration.toSeconds(settings.connectTimeout)
})

const proofOf = ({ proof }: Account): ConnectionOptions => {
  const secret = Redacted.value(proof.secret)
  switch (proof.kind) {
    case "password":
      return { authenticator: "SNOWFLAKE", password: secret }
    case "key":
      return { authenticator: "SNOWFLAKE_JWT", privateKey: secret }
    case "oauth":
      return { authenticator: "OAUTH", token: secret }
    case "pat":
      return { authenticator: "PROGRAMMATIC_ACCESS_TOKEN", token: secret }
  }
}
