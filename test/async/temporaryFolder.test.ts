import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { makeTemporaryFolder, sweepTemporaryFolders } from "../../src/async/temporaryFolder.ts"
import { until } from "../support/until.ts"

/** Another process that makes such a folder, tells its path and lives until it is killed. */
const anotherProcess = Effect.acquireRelease(
  Effect.callback<{ readonly path: string; readonly kill: () => void }>((resume) => {
    const module = new URL("../../src/async/temporaryFolder.ts", import.meta.url).href
    const program = `import { makeTemporaryFolder } from ${JSON.stringify(module)}
      console.log(makeTemporaryFolder("pipes").path); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    child.stdout.once("data", (path: Buffer) =>
      resume(Effect.succeed({ path: path.toString().trim(), kill: () => void child.kill("SIGKILL") }))
    )
  }),
  ({ kill, path }) =>
    Effect.sync(() => {
      kill()
      rmSync(path, { recursive: true, force: true })
    })
)

describe("A temporary folder", () => {
  it("is its owner's alone and goes with it", () => {
    const folder = makeTemporaryFolder("pipes")
    assert.strictEqual(statSync(folder.path).mode & 0o777, 0o700)
    folder.remove()
    assert.isFalse(existsSync(folder.path))
  })

  it.live("of a killed worker is swept by the next one, that of a living worker is not", () =>
    Effect.gen(function* () {
      const other = yield* anotherProcess
      const own = makeTemporaryFolder("duckdb")
      yield* sweepTemporaryFolders
      assert.isTrue(existsSync(other.path))
      assert.isTrue(existsSync(own.path))
      other.kill()
      yield* until(
        Effect.andThen(
          sweepTemporaryFolders,
          Effect.sync(() => existsSync(other.path))
        ),
        (there) => !there
      )
      assert.isTrue(existsSync(own.path))
      own.remove()
    }).pipe(Effect.scoped)
  )

  it.live("of another kind is left alone, and so is what a link leads to", () =>
    Effect.gen(function* () {
      const place = mkdtempSync(join(tmpdir(), "outside-"))
      writeFileSync(join(place, "alive"), "")
      const link = join(tmpdir(), `noetl-pipes-${basename(place).slice(-6)}`)
      symlinkSync(place, link)
      const plain = join(tmpdir(), `noetl-duckdb-${basename(place).slice(-6)}`)
      mkdirSync(plain)
      yield* sweepTemporaryFolders
      assert.isTrue(existsSync(join(place, "alive")))
      assert.isTrue(existsSync(plain))
      for (const path of [link, place, plain]) rmSync(path, { recursive: true, force: true })
    })
  )
})
