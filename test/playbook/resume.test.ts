/** A run that outlives its process: killed at any moment it goes on, and runs nothing twice that had ended. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { hasRuns, inFolder } from "../../src/control-plane/local/RunJournal.ts"
import { resultOf } from "../../src/playbook/engine/Engine.ts"
import { runText } from "../support/localRuns.ts"
import { program as worker } from "../support/program.ts"
import { until } from "../support/until.ts"

const head = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: test}\n"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "noetl-resume-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const program = worker.endsWith(".ts") ? "src/noetl.ts" : join(dirname(worker), "noetl-program.js")
const noetl = [program, "run"]
const environment = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", NO_COLOR: "1" }

const start = (words: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [...noetl, ...words], { stdio: ["ignore", "pipe", "pipe"], env: environment })

const lines = (path: string): ReadonlyArray<string> =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .trim()
        .split("\n")
        .filter((line) => line !== "")
    : []

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It is gone already.
  }
}

/** Steps and iterations that each leave a line, and wait where there is a file that holds them. */
const playbook = (path: string) => `${head}workflow:
- step: first
  tool: {kind: shell, cmds: ["echo first >> ${path}/ran"]}
  next: {arcs: [{step: each}]}
- step: each
  loop: {in: [1, 2, 3, 4], iterator: x}
  tool: {kind: shell, cmds: ["echo $$ > ${path}/pid{{ x }}; while [ -e ${path}/hold{{ x }} ]; do sleep 0.05; done; echo each{{ x }} >> ${path}/ran; printf {{ x }}"]}
  next: {arcs: [{step: child}]}
- step: child
  tool: {kind: playbook, path: ./child.yaml, return_step: two}
  next: {arcs: [{step: last}]}
- step: last
  tool: {kind: shell, cmds: ["echo last >> ${path}/ran; printf '%s %s' '{{ each.results[2].stdout }}' '{{ child.stdout }}'"]}
`

const child = (path: string) => `${head}workflow:
- step: one
  tool: {kind: shell, cmds: ["echo one >> ${path}/ran"]}
  next: {arcs: [{step: two}]}
- step: two
  tool: {kind: shell, cmds: ["echo $$ > ${path}/pidtwo; while [ -e ${path}/holdtwo ]; do sleep 0.05; done; echo two >> ${path}/ran; printf two"]}
`

describe("A run with a folder", () => {
  it.live.each([
    ["hold3", ["first", "each1", "each2"]],
    ["holdtwo", ["first", "each1", "each2", "each3", "each4", "one"]]
  ] as const)(
    "that is killed at %s goes on, and nothing that had ended is run again",
    ([hold, before]) =>
      Effect.gen(function* () {
        const path = yield* folder
        const state = join(path, "state")
        writeFileSync(join(path, "main.yaml"), playbook(path))
        writeFileSync(join(path, "child.yaml"), child(path))
        writeFileSync(join(path, hold), "")
        const killed = start([join(path, "main.yaml"), "--state", state])
        yield* until(
          Effect.sync(() => lines(join(path, "ran")).length === before.length),
          (yes) => yes
        )
        // The outcome of the last one is in the journal by the time the next one has started.
        const written = hold === "hold3" ? '"each:3"' : '"one:1"'
        const isWritten = Effect.sync(() =>
          readdirSync(state)
            .filter((name) => name.endsWith(".ndjson"))
            .some((name) => readFileSync(join(state, name), "utf8").includes(written))
        )
        yield* until(isWritten, (yes) => yes)
        const pid = join(path, hold.replace("hold", "pid"))
        yield* until(
          Effect.sync(() => lines(pid).length === 1),
          (yes) => yes
        )
        killed.kill("SIGKILL")
        yield* Effect.promise(() => once(killed, "exit"))
        // The program of a killed worker may live on: it ends too, as it would with the machine.
        yield* Effect.sync(() => kill(Number(lines(pid)[0])))
        assert.deepStrictEqual(lines(join(path, "ran")), [...before])
        rmSync(join(path, hold))
        const again = spawnSync(
          process.execPath,
          [...noetl, join(path, "main.yaml"), "--state", state, "--resume", "--json"],
          {
            encoding: "utf8",
            env: environment
          }
        )
        assert.strictEqual(again.status, 0, again.stderr)
        assert.deepStrictEqual(lines(join(path, "ran")), [
          "first",
          "each1",
          "each2",
          "each3",
          "each4",
          "one",
          "two",
          "last"
        ])
        const document = JSON.parse(again.stdout) as { steps: { last: { data: { stdout: string } } } }
        assert.strictEqual(document.steps.last.data.stdout, "3 two")
      }),
    60_000
  )

  it.live(
    "refuses a folder that keeps another run, a playbook that has changed, and --resume without a folder",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        const state = join(path, "state")
        const text = `${head}workflow:\n- step: a\n  tool: {kind: noop}\n`
        yield* runText(text, { stateFolder: state })
        assert.isTrue(hasRuns(state))
        const refused = (options: object, other = text) =>
          Effect.map(Effect.flip(runText(other, options)), (error) => error.message)
        assert.match(yield* refused({ stateFolder: state }), /keeps a run already/)
        assert.match(
          yield* refused({ stateFolder: state, resume: true }, `${text}# changed\n`),
          /has changed/
        )
        assert.match(yield* refused({ resume: true }), /--state DIR/)
      })
  )

  it.live("that had ended gives its result again without running anything", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const text = `${head}workflow:\n- step: a\n  tool: {kind: shell, cmds: ["echo a >> ${path}/ran; printf 1"]}\n`
      yield* runText(text, { stateFolder: join(path, "state") })
      const { report } = yield* runText(text, { stateFolder: join(path, "state"), resume: true })
      assert.strictEqual(report.ending, "completed")
      assert.strictEqual((resultOf(report.state, "a") as { stdout: string }).stdout, "1")
      assert.deepStrictEqual(lines(join(path, "ran")), ["a"])
    })
  )

  it("forgets a line that was cut, and refuses one that another program wrote", () => {
    const path = mkdtempSync(join(tmpdir(), "noetl-journal-"))
    try {
      const head = { executionId: "7", path: "p", fingerprint: "f", parent: undefined }
      inFolder(path).open(head, false).append({ type: "timer", at: 1, timer: "x" })
      const file = join(path, "7.ndjson")
      appendFileSync(file, '{"type":"ended","comm')
      const [kept] = inFolder(path).kept
      assert.deepStrictEqual(kept?.events, [{ type: "timer", at: 1, timer: "x" }])
      assert.isTrue(readFileSync(file, "utf8").endsWith("}\n"))
      appendFileSync(file, "nonsense\n")
      assert.throws(() => inFolder(path), /7.ndjson:3: the line is no event/)
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  })
})

describe("Ctrl-C", () => {
  it.live("cancels the run, ends its programs, and exits 130", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const file = join(path, "main.yaml")
      writeFileSync(
        file,
        `${head}workflow:\n- step: a\n  tool: {kind: shell, cmds: ["echo $$ > ${path}/pid; sleep 120"]}\n`
      )
      const running = start([file, "--events", join(path, "events")])
      yield* until(
        Effect.sync(() => lines(join(path, "pid")).length === 1),
        (yes) => yes
      )
      running.kill("SIGINT")
      const [code] = (yield* Effect.promise(() => once(running, "exit"))) as [number]
      assert.strictEqual(code, 130)
      const pid = Number(lines(join(path, "pid"))[0])
      assert.throws(() => process.kill(pid, 0), /ESRCH/)
      const last = JSON.parse(
        lines(join(path, "events")).findLast((line) => line.includes("playbook.")) ?? "{}"
      ) as { event_type: string }
      assert.strictEqual(last.event_type, "playbook.cancelled")
    })
  )
})
