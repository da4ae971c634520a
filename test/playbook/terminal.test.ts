/** What a person sees on a real terminal, and what a pipe and a program get. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { program as worker } from "../support/program.ts"
import { until } from "../support/until.ts"

/** The bundle where there is one: it starts in a fraction of the time. */
const program = resolve(worker.endsWith(".ts") ? "src/noetl.ts" : join(dirname(worker), "noetl-program.js"))

const noetl = (words: ReadonlyArray<string>, cwd = process.cwd(), env = {}) =>
  spawnSync(process.execPath, [program, ...words], {
    encoding: "utf8",
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...env }
  })

const head = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: test, path: some/test}\n"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "noetl-terminal-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const tmux = (...words: ReadonlyArray<string>) => spawnSync("tmux", words, { encoding: "utf8" }).stdout
const hasTmux = spawnSync("tmux", ["-V"]).status === 0

describe.skipIf(!hasTmux)("On a terminal", () => {
  it.live.each([
    [80, 24],
    [200, 60],
    [60, 15]
  ] as const)("of %i columns and %i rows the tree is redrawn in place", ([columns, rows]) =>
    Effect.gen(function* () {
      const path = yield* folder
      const steps = Array.from(
        { length: 40 },
        (_, i) => `- step: s${i}\n  tool: {kind: noop}\n  next: {arcs: [{step: s${i + 1}}]}\n`
      ).join("")
      writeFileSync(
        join(path, "p.yaml"),
        `${head}workflow:\n${steps}- step: s40\n  loop: {in: [1, 2], iterator: x}\n  tool: {kind: shell, cmds: ["while [ ! -e ${path}/go ]; do sleep 0.05; done"]}\n`
      )
      const session = `noetl-test-${process.pid}-${columns}`
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          tmux(
            "new-session",
            "-d",
            "-s",
            session,
            "-x",
            String(columns),
            "-y",
            String(rows),
            `${process.execPath} ${program} run ${path}/p.yaml; echo code $?; sleep 60`
          )
        ),
        () => Effect.sync(() => tmux("kill-session", "-t", session))
      )
      const pane = Effect.sync(() => tmux("capture-pane", "-p", "-t", session))
      const during = yield* Effect.andThen(
        until(pane, (text) => text.includes("s40")),
        pane
      )
      const shown = during.trimEnd().split("\n")
      assert.isAtMost(shown.length, rows)
      assert.match(during, /some\/test +40\/41 steps/)
      assert.match(during, /▶ s40 +0\/2/)
      assert.strictEqual(during.split("some/test").length, 2, "one frame, drawn over and over")
      if (rows < 40) assert.match(during, /… \d+ more steps/)
      writeFileSync(join(path, "go"), "")
      const after = yield* until(pane, (text) => text.includes("code 0"))
      assert.match(after, /COMPLETED test \(execution \d+\) in/)
    })
  )
})

describe("noetl run", () => {
  it.live("without a terminal writes lines, and with --json one document alone on stdout", () =>
    Effect.gen(function* () {
      const path = yield* folder
      writeFileSync(
        join(path, "p.yaml"),
        `${head}workload: {a: {x: 1, y: 2}, api_key: k}\nworkflow:\n- step: start\n  tool: {kind: noop, result: {a: "{{ a }}", n: "{{ n }}", password: hidden}}\n`
      )
      const lines = noetl(["run", "p.yaml", "--set", "n=5"], path)
      assert.strictEqual(lines.status, 0, lines.stderr)
      assert.match(lines.stdout, /^Running playbook: test\nStep: start\n {3}start done in .*\nCOMPLETED test/)
      assert.isFalse(lines.stdout.includes("\u001b") || lines.stdout.includes("📋"))
      const merged = noetl(
        [
          "run",
          "p.yaml",
          "--json",
          "--merge",
          "--payload",
          '{"a":{"y":3}}',
          "--set",
          "a.z=t",
          "--events",
          join(path, "events")
        ],
        path
      )
      const document = JSON.parse(merged.stdout) as {
        status: string
        steps: { start: { data: unknown } }
        result: { step: string }
      }
      assert.deepStrictEqual(document.steps.start.data, {
        a: { x: 1, y: 3, z: "t" },
        password: "***"
      })
      assert.deepStrictEqual([document.status, document.result.step], ["COMPLETED", "start"])
      const events = readFileSync(join(path, "events"), "utf8")
        .trim()
        .split("\n")
        .map(
          (line) =>
            JSON.parse(line) as { event_type: string; event_id: number; context: { command_id?: string } }
        )
      assert.deepStrictEqual(
        events.map(({ event_type }) => event_type),
        [
          "playbook.initialized",
          "step.enter",
          "command.issued",
          "command.claimed",
          "command.started",
          "call.done",
          "command.completed",
          "step.exit",
          "playbook.completed"
        ]
      )
      assert.deepStrictEqual(
        events.map(({ event_id }) => event_id),
        events.map((_, i) => i + 1)
      )
      assert.notInclude(readFileSync(join(path, "events"), "utf8"), "hidden")
    })
  )

  it.live("finds the playbook of the folder, and takes a bare word for a step of it", () =>
    Effect.gen(function* () {
      const path = yield* folder
      writeFileSync(
        join(path, "noetl.yaml"),
        `${head}workflow:\n- step: start\n  tool: {kind: noop}\n- step: build\n  tool: {kind: noop}\n`
      )
      const ran = (...words: ReadonlyArray<string>) =>
        Object.keys((JSON.parse(noetl(["run", "--json", ...words], path).stdout) as { steps: object }).steps)
      assert.deepStrictEqual(ran(), ["start"])
      assert.deepStrictEqual(ran("build"), ["build"])
      assert.deepStrictEqual(ran("noetl.yaml", "-t", "build"), ["build"])
      assert.deepStrictEqual(ran("noetl", "build"), ["build"])
      assert.deepStrictEqual(ran("catalog://some/test", "--catalog", "."), ["start"])
    })
  )

  it.live(
    "exits 1 for a failed run and 2 for what cannot run, with a sentence",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        writeFileSync(join(path, "bad.yaml"), `${head}workflow:\n- step: start\n  tool: {kind: nope}\n`)
        writeFileSync(
          join(path, "fails.yaml"),
          `${head}workflow:\n- step: start\n  tool: {kind: shell, cmds: ["exit 4"]}\n`
        )
        writeFileSync(
          join(path, "far.yaml"),
          `${head}executor: {profile: distributed}\nworkflow:\n- step: start\n  tool: {kind: nats}\n`
        )
        const ends = (words: ReadonlyArray<string>, code: number, text: RegExp) => {
          const { status, stderr, stdout } = noetl(["run", ...words], path)
          assert.deepStrictEqual(
            [status, text.test(stdout + stderr)],
            [code, true],
            `${words.join(" ")}: ${stdout}${stderr}`
          )
        }
        ends(["fails.yaml"], 1, /start: tool_error: .*\n {2}at fails.yaml:5/)
        ends(["bad.yaml"], 2, /bad.yaml:6:10: error: workflow\[0\].tool.kind: there is no tool "nope"/)
        ends(["nowhere.yaml"], 2, /there is no file nowhere.yaml/)
        ends([], 2, /write noetl.yaml or main.yaml/)
        ends(["some/path"], 2, /--catalog DIR/)
        ends(["fails.yaml", "stop"], 2, /has no step "stop"/)
        ends(["fails.yaml", "--set", "x"], 2, /expected NAME=VALUE/)
        ends(["fails.yaml", "--payload", "[1]"], 2, /expected a JSON object/)
        ends(["fails.yaml", "--input", "nowhere.json"], 2, /--input nowhere.json/)
        ends(["fails.yaml", "--timeout", "soon"], 2, /--timeout soon/)
        ends(["fails.yaml", "--credentials", "nowhere.json"], 2, /nowhere.json/)
        ends(["far.yaml"], 2, /--force-profile/)
        ends(["far.yaml", "--force-profile", "--strict"], 2, /no tool nats/)
        ends(["far.yaml", "--force-profile"], 1, /unsupported_tool/)
        for (const words of [["--serve"], ["--watch"], ["-r", "distributed"], ["--endpoint", "http://x"]])
          ends(["fails.yaml", ...words], 2, /is not supported yet/)
        ends(["fails.yaml", "--dry-run"], 0, /start {2}\[shell\]/)
        ends(["fails.yaml", "--burn"], 2, /--burn/)
      }),
    120_000
  )
})

describe("noetl validate, test and catalog list", () => {
  it.live("tell of every file, and exit 2 for errors", () =>
    Effect.gen(function* () {
      const path = yield* folder
      writeFileSync(join(path, "good.yaml"), `${head}workflow:\n- step: start\n  tool: {kind: noop}\n`)
      assert.deepStrictEqual(
        [noetl(["validate", path]).status, noetl(["validate", path]).stdout],
        [0, "1 playbook: valid\n"]
      )
      writeFileSync(join(path, "bad.yaml"), `${head}workflow:\n- step: start\n  tol: {kind: noop}\n`)
      const { status, stdout } = noetl(["validate", join(path, "bad.yaml")])
      assert.strictEqual(status, 2)
      assert.match(stdout, /did you mean "tool"\?/)
      assert.match(
        noetl(["catalog", "list", "Playbook", "--catalog", path]).stdout,
        /some\/test +.*good.yaml/
      )
      writeFileSync(
        join(path, "expectations.yaml"),
        "- {playbook: good.yaml, status: completed, values: {start.status: ok}}\n- {playbook: good.yaml, name: wrong, status: completed, values: {start.status: no}}\n"
      )
      const tested = noetl(["test", path])
      assert.strictEqual(tested.status, 1)
      assert.match(
        tested.stdout,
        /✓ good.yaml.*\n✗ wrong.*\n {4}expected start.status = "no"\n {4}found {4}"ok"\n1 passed, 1 failed/
      )
    })
  )
})
