/**
 * The same tool against fakesnow, a stranger's idea of Snowflake's protocol. `npm test` fetches it where there is pip;
 * without it these tests are skipped, and reported so.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { spawn } from "node:child_process"
import { isObject, type JsonObject } from "../../../src/domain/Json.ts"
import type { ToolResult } from "../../../src/domain/ToolResult.ts"
import { aCall, runTool } from "../../../src/testing/suites/ToolSuite.ts"
import { defaults, SnowflakeOptions } from "../../../src/tools/snowflake/SnowflakeOptions.ts"
import { SnowflakeTool } from "../../../src/tools/SnowflakeTool.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { freePort } from "../../support/NatsServer.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { fakesnowFolder, hasFakesnow } from "../../support/peers.ts"

const toolbox = Toolbox.layer(SnowflakeTool).pipe(
  Layer.provide(SnowflakeTool.layer),
  Layer.provide(EgressOptions.layerDevelopment),
  Layer.provide(
    Layer.succeed(SnowflakeOptions, { ...defaults, ocsp: false, allowedUrls: ["http://127.0.0.1:*"] })
  )
)
const dataOf = ({ data }: ToolResult): JsonObject => (data !== undefined && isObject(data) ? data : {})

const fakesnow = Effect.gen(function* () {
  const port = yield* freePort
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.env["PYTHON_PATH"] ?? "python3",
        ["-c", "from fakesnow.cli import main; main()", "-s", "-p", String(port)],
        { stdio: "ignore", env: { ...process.env, PYTHONPATH: fakesnowFolder } }
      )
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const url = `http://127.0.0.1:${port}`
  yield* Effect.tryPromise(() => fetch(url)).pipe(
    Effect.retry(Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(200)])),
    Effect.orDie
  )
  return url
})

describe("SnowflakeTool, with fakesnow", () => {
  // What is asked for rows answers in Arrow there, which the driver for Node does not read.
  it.live.skipIf(!hasFakesnow)("signs in, writes rows and hears what is wrong", () =>
    Effect.gen(function* () {
      const url = yield* fakesnow
      const run = (query: string, more: JsonObject = {}) =>
        runTool(
          aCall("snowflake", {
            account: "fakesnow",
            user: "fake",
            password: "snow",
            access_url: url,
            database: "DB1",
            schema: "PUBLIC",
            query,
            ...more
          })
        )
      yield* run("CREATE TABLE t (id NUMBER(38,0), amount NUMBER(10,2), name VARCHAR)")
      const inserted = yield* run("INSERT INTO t VALUES (1, 1.5, 'it''s; x'), (2, NULL, NULL)")
      assert.strictEqual(dataOf(inserted)["affected_rows"], 2, inserted.error?.message)
      const updated = yield* run("UPDATE t SET name = 'y' WHERE id = 2")
      assert.deepStrictEqual([dataOf(updated)["command"], dataOf(updated)["affected_rows"]], ["UPDATE", 1])
      const deleted = yield* run("DELETE FROM t")
      assert.strictEqual(dataOf(deleted)["affected_rows"], 2)
      const wrong = yield* run("INSERT INTO nowhere VALUES (1)")
      assert.deepStrictEqual(
        [wrong.status, wrong.error?.kind, wrong.error?.sqlstate],
        ["error", "db_error", "42S02"]
      )
    }).pipe(Effect.provide(toolbox), Effect.scoped)
  )
})
