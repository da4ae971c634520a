/**
 * Brings the schema forward, one step after the other, each in a transaction of its own under one lock: workers that start
 * together do it once. There is no way back: an older worker runs on a newer schema, or is told that it may not.
 */
import { Effect, Schema } from "effect"
import type { Client } from "pg"
import { Database, DatabaseError, databaseError } from "../../postgres/Database.ts"
import { oldestWorker, steps } from "./schema/index.ts"

export class MigrationError extends Schema.TaggedError<MigrationError>()("MigrationError", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** Any number that no other program takes: it is the lock's name. */
const lock = 7_113_905_201

/** Brings the schema to the version, the newest unless told otherwise, and answers with the steps that were missing. */
export const migrate = (to: number = steps.length) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* (yield* Database).connection
      const done: Array<string> = []
      while (true) {
        const step = yield* Effect.tryPromise({ try: () => oneStep(client, to), catch: failed })
        if (step === undefined) return done
        done.push(step)
      }
    })
  )

/** The version of the schema that is there; 0 where there is none. */
export const versionOf = Effect.gen(function* () {
  const { query } = yield* Database
  const [table] = yield* query("SELECT to_regclass('worker_migrations') IS NOT NULL AS there")
  if (table?.["there"] !== true) return 0
  const [row] = yield* query("SELECT coalesce(max(version), 0)::integer AS version FROM worker_migrations")
  return Number(row?.["version"] ?? 0)
})

// --- the driver's edge ---

const oneStep = async (client: Client, to: number): Promise<string | undefined> => {
  await client.query("BEGIN")
  try {
    await client.query("SELECT pg_advisory_xact_lock($1)", [lock])
    await client.query(
      "CREATE TABLE IF NOT EXISTS worker_migrations (version integer PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
    )
    const { rows } = await client.query<{ version: number }>(
      "SELECT coalesce(max(version), 0)::integer AS version FROM worker_migrations"
    )
    const version = rows[0]?.version ?? 0
    const step = version < to ? steps[version] : undefined
    if (step !== undefined) {
      await client.query(step.sql)
      await client.query("INSERT INTO worker_migrations (version, name) VALUES ($1, $2)", [
        version + 1,
        step.name
      ])
      if (version + 1 === steps.length) await allow(client, version + 1)
    }
    await client.query("COMMIT")
    return step?.name
  } catch (cause) {
    await client.query("ROLLBACK").catch(() => undefined)
    throw cause
  }
}

const allow = (client: Client, version: number) =>
  client.query(
    "INSERT INTO worker_schema (version, oldest_worker) VALUES ($1, $2) " +
      "ON CONFLICT (only_row) DO UPDATE SET version = excluded.version, oldest_worker = excluded.oldest_worker",
    [version, oldestWorker]
  )

const failed = (cause: unknown): DatabaseError | MigrationError => {
  const error = databaseError(cause)
  return error.code === "42501"
    ? new MigrationError({
        detail: `the role may not change the schema (${error.message}); run noetl-worker queue migrate as the owner of the database`
      })
    : error
}
