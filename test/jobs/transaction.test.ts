import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { Jobs, type Submission } from "../../src/jobs/Jobs.ts"
import * as PostgresJobs from "../../src/jobs/PostgresJobs.ts"
import { Database } from "../../src/postgres/Database.ts"
import { pgSql } from "../support/pgSql.ts"
import { FreshDatabase, freshDatabase, rows } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()
const world = () =>
  Layer.merge(PostgresJobs.layer, pgSql).pipe(Layer.provideMerge(freshDatabase(() => server.current)))
const job: Submission = { kind: "tool", payload: { tool: "noop" }, idempotencyKey: "k" }
const count = Effect.map(rows("SELECT count(*)::integer AS n FROM worker_jobs"), ([row]) => row?.["n"])
const run = promisify(execFile)

describe("A job submitted inside of a transaction", () => {
  it.live("of the caller's pg client is there exactly when it commits", () =>
    Effect.gen(function* () {
      const client = yield* Effect.flatMap(Database, ({ connection }) => connection)
      const sql = (text: string) => Effect.promise(() => client.query(text))
      yield* sql("BEGIN")
      yield* PostgresJobs.submitOn(client, [job])
      assert.strictEqual(yield* count, 0)
      yield* sql("ROLLBACK")
      assert.strictEqual(yield* count, 0)
      yield* sql("BEGIN")
      const [submitted] = yield* PostgresJobs.submitOn(client, [job])
      assert.strictEqual(yield* count, 0)
      yield* sql("COMMIT")
      assert.strictEqual((yield* (yield* Jobs).result(submitted?.id ?? "")).status, "queued")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.live("of Effect's SQL client is there exactly when it commits", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* PostgresJobs.submitInSql([job]).pipe(
        Effect.andThen(count),
        Effect.tap((n) => Effect.sync(() => assert.strictEqual(n, 0))),
        Effect.andThen(Effect.fail("the caller fails")),
        sql.withTransaction,
        Effect.flip
      )
      assert.strictEqual(yield* count, 0)
      yield* sql.withTransaction(PostgresJobs.submitInSql([job]))
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.provide(world()))
  )

  it.live("of a trigger is there with the row that it is about", () =>
    Effect.gen(function* () {
      yield* rows(`
        CREATE TABLE orders (id integer PRIMARY KEY);
        CREATE FUNCTION order_came() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          PERFORM worker_enqueue('default', 'order.ship', jsonb_build_object('order', NEW.id), tenant => 'shop');
          RETURN NEW;
        END $$;
        CREATE TRIGGER ship AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION order_came();
        INSERT INTO orders VALUES (7)`)
      const [shipped] = yield* (yield* Jobs).list()
      assert.deepStrictEqual(
        [shipped?.kind, shipped?.payload, shipped?.tenant],
        ["order.ship", { order: 7 }, "shop"]
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("of psql is a job like any other", () =>
    Effect.gen(function* () {
      const { url } = yield* FreshDatabase
      const { stdout } = yield* Effect.promise(() =>
        run("psql", [
          url,
          "-Atc",
          `SELECT worker_enqueue('default', 'tool', '{"tool": "noop"}', priority => 9)`
        ])
      )
      const submitted = yield* (yield* Jobs).result(stdout.trim())
      assert.deepStrictEqual([submitted.status, submitted.priority], ["queued", 9])
    }).pipe(Effect.provide(world()))
  )
})
