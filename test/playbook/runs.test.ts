/** Playbooks with the real worker and the real tools, in this process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { resultOf } from "../../src/playbook/engine/Engine.ts"
import { documentOf, summaryOf } from "../../src/local/Report.ts"
import { runText } from "../support/localRuns.ts"

const head = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: test}\n"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "noetl-runs-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** A folder with a playbook that starts itself `n` times, each of which waits for the next. */
const nested = (path: string) => {
  writeFileSync(
    join(path, "nested.yaml"),
    `${head}workload: {n: 3}
workflow:
- step: start
  tool: {kind: noop}
  next: {arcs: [{step: deeper, when: "{{ n > 0 }}"}, {step: end}]}
- step: deeper
  loop: {in: [1, 2], iterator: x, spec: {mode: parallel}}
  tool: {kind: playbook, path: ./nested.yaml, input: {n: "{{ n - 1 }}"}, return_step: end}
  next: {arcs: [{step: end}]}
- step: end
  tool: {kind: noop, result: {depth: "{{ n }}"}}
`
  )
  return readFileSync(join(path, "nested.yaml"), "utf8")
}

describe("A run on this machine", () => {
  it.live("holds no slot while a playbook waits for another: one slot is enough for all", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { events, report } = yield* runText(nested(path), {
        concurrency: 1,
        file: join(path, "nested.yaml")
      })
      assert.strictEqual(report.ending, "completed")
      assert.strictEqual(new Set(events.map(({ executionId }) => executionId)).size, 1 + 2 + 4 + 8)
    })
  )

  it.live("refuses playbooks that start each other without end", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const text = `${head}workflow:\n- step: start\n  tool: {kind: playbook, path: ./a.yaml}\n`
      writeFileSync(join(path, "a.yaml"), text)
      const { report } = yield* runText(text, { file: join(path, "a.yaml") })
      assert.strictEqual(report.ending, "failed")
      assert.match(report.failures[0]?.error.message ?? "", /more than 16 deep/)
      assert.strictEqual(report.failures[0]?.error.kind, "child_failed")
    })
  )

  it.live("says where it looked for a playbook that is not there", () =>
    Effect.gen(function* () {
      const { report } = yield* runText(
        `${head}workflow:\n- step: start\n  tool: {kind: playbook, path: no/such}\n`
      )
      assert.match(report.failures[0]?.error.message ?? "", /no playbook has the path "no\/such".*--catalog/)
    })
  )

  it.live("ends a program whose step takes too long, and cancels the playbook that a late step started", () =>
    Effect.gen(function* () {
      const path = yield* folder
      writeFileSync(
        join(path, "slow.yaml"),
        `${head}workflow:\n- step: slow\n  tool: {kind: shell, cmds: ["sleep 60"]}\n`
      )
      const text = `${head}workflow:\n- step: start\n  timeout: 0.5\n  tool: {kind: playbook, path: ./slow.yaml}\n`
      const { events, report } = yield* runText(text, { file: join(path, "main.yaml") })
      assert.deepStrictEqual([report.ending, report.failures[0]?.error.kind], ["failed", "timeout"])
      assert.isTrue(events.some(({ parent, type }) => type === "playbook.cancelled" && parent !== undefined))
    })
  )

  it.live("fails when the time of the whole run is over, and no arc takes that up", () =>
    Effect.gen(function* () {
      const text = `${head}workflow:\n- step: start\n  tool: {kind: shell, cmds: ["sleep 60"]}\n  next: {arcs: [{step: end, when: "{{ error is defined }}"}]}\n- step: end\n  tool: {kind: noop}\n`
      const { report } = yield* runText(text, { timeout: 0.5 })
      assert.deepStrictEqual([report.ending, report.failures[0]?.error.kind], ["failed", "timeout"])
    })
  )

  it.live("fails a step that reaches a tool that is not here, and only that one", () =>
    Effect.gen(function* () {
      const text = (when: string) =>
        `${head}workflow:\n- step: start\n  tool: {kind: noop}\n  next: {arcs: [{step: far, when: "${when}"}]}\n- step: far\n  tool: {kind: nats, subject: x}\n`
      assert.strictEqual((yield* runText(text("{{ false }}"))).report.ending, "completed")
      const { report } = yield* runText(text("{{ true }}"))
      assert.deepStrictEqual([report.ending, report.failures[0]?.error.kind], ["failed", "unsupported_tool"])
    })
  )

  it.live("looks up no secret that no template reads, and one that is read once for the run", () =>
    Effect.gen(function* () {
      const text = `${head}keychain:
- {name: unused, kind: secret_manager, provider: gcp, map: {a: b}}
- {name: base, kind: static, map: {word: "{{ workload.word }}"}}
- {name: api, kind: bearer, token: "{{ keychain.base.word }}-token"}
workload: {word: secretword}
workflow:
- step: start
  tool: {kind: shell, cmds: ["printf %s '{{ keychain.api.token }}' | wc -c"]}
`
      const { report } = yield* runText(text)
      assert.strictEqual(report.ending, "completed", report.failures[0]?.error.message)
      assert.match((resultOf(report.state, "start") as { stdout: string }).stdout, /16/)
    })
  )

  it.live("fails with what to do where a credential is missing, and uses one from a folder", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const text = `${head}workflow:\n- step: start\n  tool: {kind: http, url: "http://127.0.0.1:1/", auth: my_api}\n`
      const missing = yield* runText(text, { credentialsFolder: path })
      assert.strictEqual(missing.report.failures[0]?.error.kind, "credential")
      assert.match(summaryOf(missing.report, false), /try: give the credential with --credentials FILE/)
      writeFileSync(
        join(path, "my_api.json"),
        JSON.stringify({ name: "my_api", type: "bearer", data: { token: "t" } })
      )
      const found = yield* runText(text, { credentialsFolder: path })
      assert.strictEqual(found.report.failures[0]?.error.kind, "connection")
    })
  )

  it.live("tells of a failure the step, the task, the try, the input, the place and the last output", () =>
    Effect.gen(function* () {
      const text = `${head}workload: {who: Ada}
workflow:
- step: start
  tool:
  - {name: first, kind: noop}
  - name: second
    kind: shell
    input: {user: "{{ who }}", password: hunter2}
    cmds: ["echo about to fail; exit 3"]
    spec: {policy: {rules: [{when: "{{ output.status == 'error' }}", then: {do: retry, attempts: 2, delay: 0.01}}]}}
`
      const { report } = yield* runText(text)
      const summary = summaryOf(report, false)
      assert.match(summary, /start, task second, attempt 2: /)
      assert.match(summary, /at test.yaml:6/)
      assert.match(summary, /input: \{"user":"Ada","password":"\*\*\*"\}/)
      assert.match(summary, /about to fail/)
      assert.match(summary, /try: /)
      assert.notInclude(JSON.stringify(documentOf(report)), "hunter2")
    })
  )

  it.live("keeps the whole of a large value readable, by its reference too", () =>
    Effect.gen(function* () {
      const text = `${head}workflow:
- step: start
  tool: {kind: noop, result: {rows: "{{ range(0, 20000) }}", small: 1}}
  next: {arcs: [{step: end, when: "{{ start.rows[19999] == 19999 }}"}]}
- step: end
  tool:
  - {name: read, kind: artifact, action: get, input: {result_ref: "{{ start._ref }}"}}
  - {name: last, kind: noop, result: "{{ start.rows[12345] }} {{ read.rows | length }} {{ start.small }}"}
`
      const { report } = yield* runText(text)
      assert.strictEqual(report.ending, "completed", report.failures[0]?.error.message)
      assert.strictEqual((resultOf(report.state, "end") as { last: string }).last, "12345 20000 1")
    })
  )
})
