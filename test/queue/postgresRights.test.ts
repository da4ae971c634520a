import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { readFileSync } from "node:fs"
import { Client } from "pg"
import { FreshDatabase, freshDatabase, rows } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()

const linesOf = (role: string) =>
  readFileSync("docs/postgres-permissions.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("GRANT ") && line.includes(` TO ${role};`))
    .map((line) => line.replace(/;.*/, "").replace(/ TO \w+$/, ` TO least_${role}`))

/** Everything that a worker asks of its database, in its own words. */
const asWorker = [
  "SELECT max(version) FROM worker_migrations",
  "INSERT INTO worker_presence (worker_id, queues, pool, webhook) VALUES ('w', '{default}', 'p', true) ON CONFLICT (worker_id) DO UPDATE SET seen_at = now()",
  "SELECT o_id FROM worker_claim(1, '00000000-0000-0000-0000-000000000001', 'w', 'default', 'p', 1, 60, '', true)",
  "SELECT o_id FROM worker_claim(1, '00000000-0000-0000-0000-000000000001', 'w', 'limited', 'p', 1, 60, '', true)",
  "SELECT * FROM worker_extend('{1}', '{00000000-0000-0000-0000-000000000001}', '{60}')",
  "SELECT * FROM worker_settle('{1}', '{00000000-0000-0000-0000-000000000001}', '{succeed}', '{0}', '{\"1\"}')",
  "SELECT worker_give_back('default', '00000000-0000-0000-0000-000000000001')",
  "WITH moved AS (UPDATE worker_crons SET next_at = now() WHERE name = 'c' RETURNING queue, kind) SELECT worker_enqueue_many(jsonb_build_array(jsonb_build_object('queue', queue, 'kind', kind))) FROM moved",
  "DELETE FROM worker_jobs WHERE status = 'cancelled' AND ended_at < now()",
  "DELETE FROM worker_presence WHERE worker_id = 'w'",
  "UPDATE worker_outbox SET tries = tries + 1 WHERE id IN (SELECT id FROM worker_outbox LIMIT 20 FOR UPDATE SKIP LOCKED) RETURNING *",
  "DELETE FROM worker_outbox WHERE id = 1",
  "LISTEN worker_jobs"
]
const asSubmitter = [
  "SELECT worker_enqueue('default', 'a', idempotency_key => 'k')",
  "SELECT worker_enqueue('default', 'a', idempotency_key => 'k')"
]

/** Runs the statements as a role with these rights, in a transaction that is rolled back. */
const attempt = Effect.fnUntraced(function* (
  role: string,
  grants: ReadonlyArray<string>,
  statements: ReadonlyArray<string>
) {
  const { url } = yield* FreshDatabase
  return yield* Effect.exit(
    Effect.tryPromise({
      try: async () => {
        const client = new Client({ connectionString: url, ssl: false })
        await client.connect()
        try {
          await client.query("BEGIN")
          await client.query(`CREATE ROLE ${role}`)
          for (const grant of grants) await client.query(grant)
          await client.query(`SET ROLE ${role}`)
          for (const statement of statements) await client.query(statement)
        } finally {
          await client.query("ROLLBACK").catch(() => undefined)
          await client.end()
        }
      },
      catch: (cause) => cause as Error
    })
  )
})

const prepared = Effect.gen(function* () {
  yield* rows("SELECT worker_enqueue('default', 'a')")
  yield* rows("SELECT worker_enqueue('limited', 'a')")
  yield* rows("INSERT INTO worker_limits VALUES ('limited', 'queue', '*', 5, 5)")
  yield* rows(
    "INSERT INTO worker_crons VALUES ('c', 'default', 'a', 'null', '{}', '* * * * *', 'UTC', now())"
  )
})

describe("The rights that docs/postgres-permissions.md lists", () => {
  for (const [role, statements] of [
    ["worker", asWorker],
    ["submitter", asSubmitter]
  ] as const)
    it.live(`are all that a ${role} needs, and none is too many`, () =>
      Effect.gen(function* () {
        yield* prepared
        const lines = linesOf(role)
        assert.isAtLeast(lines.length, 5)
        const whole = yield* attempt(`least_${role}`, lines, statements)
        assert.isTrue(Exit.isSuccess(whole), String(whole))
        for (const line of lines) {
          const without = yield* attempt(
            `least_${role}`,
            lines.filter((other) => other !== line),
            statements
          )
          assert.match(String(without), /permission denied/, `not needed: ${line}`)
        }
      }).pipe(Effect.provide(Layer.fresh(freshDatabase(() => server.current))))
    )
})
