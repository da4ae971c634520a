import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer, Result } from "effect"
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { toolOptions } from "../../src/config/toolOptions.ts"
import { load } from "../../src/config/load.ts"
import { aCall, runTool } from "../../src/testing/suites/ToolSuite.ts"
import { DuckdbTool } from "../../src/tools/DuckdbTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

it.live(
  "Settings say which directories DuckDB's SQL may use, and where the databases of executions lie",
  () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "duckdb-settings-")))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const env = { NOETL_DATA_DIR: join(folder, "state"), NOETL_DUCKDB_ALLOW: `${folder}/a, s3://bucket/` }
      const { values } = Result.getOrThrow(
        load({ flags: new Map(), env, dotenv: undefined, file: undefined })
      )
      const run = (config: { readonly [key: string]: string }) =>
        Effect.exit(runTool(aCall("duckdb", config)))
      const toolbox = Toolbox.layer(DuckdbTool).pipe(
        Layer.provide(DuckdbTool.layer),
        Layer.provide(toolOptions(values))
      )
      yield* Effect.gen(function* () {
        const query = "CREATE TABLE t AS SELECT 1 AS i"
        assert.isTrue(Exit.isSuccess(yield* run({ query, database: join(folder, "a", "x.duckdb") })))
        assert.isTrue(Exit.isFailure(yield* run({ query, database: join(folder, "b", "x.duckdb") })))
        yield* run({ query })
      }).pipe(Effect.provide(toolbox))
      assert.isTrue(existsSync(join(folder, "a", "x.duckdb")))
      assert.isFalse(existsSync(join(folder, "b")))
      assert.isTrue(existsSync(join(folder, "state", "executions")))
    }).pipe(Effect.scoped)
)
