import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { load } from "../../src/config/load.ts"
import { example } from "../../src/cli/config.ts"
import { settings } from "../../src/config/settings.ts"
import { noetlWorker } from "../support/CommandLine.ts"
import { program } from "../support/program.ts"

const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length))

/** The executable `noetl` stands beside the worker's. */
const noetl = (...words: ReadonlyArray<string>) =>
  spawnSync(
    process.execPath,
    [program.endsWith(".ts") ? "src/noetl.ts" : join(dirname(program), "noetl-program.js"), ...words],
    { encoding: "utf8", env: { PATH: process.env["PATH"], NO_COLOR: "1" } }
  )

describe("The command line", () => {
  it.live.each<readonly [ReadonlyArray<string>, string]>([
    [["burn"], 'Unknown subcommand "burn"'],
    [["doctr"], "doctor"],
    [["--burn"], "--burn"],
    [["doctor", "more"], "more"],
    [["dead-letters", "burn"], 'Unknown subcommand "burn"'],
    [["dead-letters", "show"], "NUMBER"],
    [["dead-letters", "show", "0"], "greater than 0"],
    [["dead-letters", "show", "one"], "one"],
    [["dead-letters", "retry", "one"], '"one" is neither a number nor "all"'],
    [["config", "--env-file", "/nope/.env"], "/nope/.env"]
  ])("refuses %j before anything is connected, with exit 2", ([words, reason]) =>
    Effect.gen(function* () {
      const ended = yield* noetlWorker(words, { NATS_URL: "nats://127.0.0.1:1" })
      assert.deepStrictEqual([ended.code, ended.stdout], [2, ""])
      assert.include(ended.stderr, reason)
      assert.match(ended.stderr, /Try noetl-worker.* --help/)
    })
  )

  it.live.each<ReadonlyArray<string>>([
    [],
    ["config"],
    ["dead-letters"],
    ["dead-letters", "retry"],
    ["demo"],
    ["doctor"],
    ["rhai"]
  ])("has help of at most 80 columns for %j", (words) =>
    Effect.gen(function* () {
      const { code, stdout } = yield* noetlWorker([...words, "--help"])
      assert.strictEqual(code, 0)
      assert.include(stdout, "Usage\n  noetl-worker")
      assert.isAtMost(widest(stdout), 80)
    })
  )

  it("noetl shows its help where no command is given", () => {
    const { status, stdout } = noetl()
    assert.strictEqual(status, 0)
    assert.include(stdout, "Usage\n  noetl <subcommand>")
    assert.isAtMost(widest(stdout), 80)
    assert.strictEqual(noetl("burn").status, 2)
  })

  it("prints completions for shells", () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { status, stdout } = noetl("--completions", shell)
      assert.strictEqual(status, 0)
      assert.include(stdout, "doctor")
    }
  })

  it.live("explains what was given, as text and as JSON, and no secret", () =>
    Effect.gen(function* () {
      const env = { NOETL_SERVER_TOKEN: "s3cret-token", WORKER_MAX_CONCURRENT: "7" }
      const text = yield* noetlWorker(["config", "--explain", "--changed", "-c", "3"], env)
      assert.include(text.stdout, "WORKER_MAX_CONCURRENT = 3   (--concurrency)")
      assert.notInclude(text.stdout, "NATS_SUBJECT")
      const json = yield* noetlWorker(["config", "--changed", "--json"], env)
      const { settings: given } = JSON.parse(json.stdout) as {
        readonly settings: ReadonlyArray<{ readonly name: string; readonly value: string }>
      }
      assert.deepInclude(
        given.map(({ name, value }) => [name, value]),
        ["WORKER_MAX_CONCURRENT", "7"]
      )
      assert.notInclude(text.stdout + json.stdout, "s3cret")
    })
  )

  it.live("a file that --env-file names is read by the program", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "cli-"))
      const file = join(folder, "some.env")
      writeFileSync(file, "WORKER_MAX_CONCURRENT=9\n")
      const { stdout } = yield* noetlWorker(["config", "--changed", "--env-file", file])
      assert.include(stdout, `WORKER_MAX_CONCURRENT = 9   (${file}: WORKER_MAX_CONCURRENT)`)
      rmSync(folder, { recursive: true })
    })
  )

  it("the example file says the defaults when its lines are no comments any more", () => {
    const text = example()
      .split("\n")
      .map((line) => (/^# [\w-]+ = /.test(line) ? line.slice(2) : line))
      .join("\n")
    const sources = { flags: new Map(), env: {}, dotenv: undefined, file: { path: "x.toml", text } }
    const loaded = load(sources)
    assert.strictEqual(loaded._tag, "Success", String(loaded))
    if (loaded._tag === "Failure") return
    assert.deepStrictEqual(loaded.success.warnings, [])
    for (const [name, { fallback }] of Object.entries(settings))
      assert.deepStrictEqual(loaded.success.values[name as keyof typeof settings], fallback, name)
  })
})
