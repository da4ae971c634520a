import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Command } from "../../src/domain/Command.ts"
import type { Json, JsonObject } from "../../src/domain/Json.ts"
import type { ToolResult } from "../../src/domain/ToolResult.ts"
import { MaxExecutions, run } from "../../src/job/pipeline/pipeline.ts"
import { pythonResponseOf } from "../../src/job/pipeline/resultOf.ts"
import { Slot } from "../../src/tools/Slot.ts"
import { aCommand, type Call, work, world } from "./pipelineWorld.ts"

interface Run {
  readonly result: ToolResult
  readonly calls: ReadonlyArray<Call>
}

type Row = readonly [rule: string, command: Command, look: (run: Run) => void]

const ids = (calls: ReadonlyArray<Call>) => calls.map(({ config }) => config["id"]).join(" ")
const gaps = (calls: ReadonlyArray<Call>) =>
  calls.slice(1).map(({ at }, i) => (at - (calls[i]?.at ?? 0)) / 1000)

/** One task with these rules and answers. */
const task = (rules: Json, answers: Json, more: JsonObject = {}): JsonObject => ({
  kind: "stub",
  id: "a",
  answers,
  spec: { policy: { rules } },
  ...more
})
const single = (rules: Json, answers: Json, more: JsonObject = {}) => aCommand(task(rules, answers, more))
const two = (first: JsonObject) =>
  aCommand([
    { name: "a", ...first },
    { name: "b", kind: "stub", id: "b", answers: ["done"] }
  ])

const failing = [{ error: { kind: "unknown", message: "bad" } }]
const onError = (then: JsonObject) => [{ when: "{{ output.status == 'error' }}", then }]

const shapes: ReadonlyArray<Row> = [
  [
    "4.1 a single tool",
    aCommand({ id: "a", answers: [{ x: 1 }] }),
    ({ result }) => assert.deepStrictEqual(result.data, { x: 1 })
  ],
  [
    "4.1 a list of label forms (C)",
    aCommand([{ one: { kind: "stub", id: "a" } }, { two: { kind: "stub", id: "b" } }]),
    ({ calls }) => assert.strictEqual(ids(calls), "a b")
  ],
  [
    "4.1 tasks with names (A, B)",
    aCommand({ tasks: [{ name: "one", kind: "stub", id: "a", answers: [1] }] }),
    ({ result }) => assert.deepInclude(result.data, { one: 1 })
  ],
  [
    "4.1 tasks without names are counted from 0",
    aCommand({
      tasks: [
        { kind: "stub", answers: [1] },
        { kind: "stub", answers: [2] }
      ]
    }),
    ({ result }) => assert.deepInclude(result.data, { task_0: 1, task_1: 2 })
  ],
  [
    "4.1 a list under tool_config",
    aCommand({ tool_config: [{ one: { kind: "stub", answers: [1] } }] }, { kind: "task_sequence" }),
    ({ result }) => assert.deepInclude(result.data, { one: 1 })
  ],
  [
    "4.1 rules of a single tool count",
    single([{ when: true, then: { do: "fail" } }], [1]),
    ({ result }) => assert.strictEqual(result.status, "error")
  ],
  [
    "4.1 spec is merged under the tool's own keys",
    aCommand({ id: "a", own: 1, spec: { own: 2, other: 3, mode: "x", timeout: 5 } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.config, { id: "a", own: 1, other: 3, timeout: 5 })
  ],
  [
    "4.1 input may stand in spec",
    aCommand({ spec: { input: { a: 1 } } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.args, { a: 1 })
  ],
  [
    "4.1 the tool does not see our keys",
    aCommand({
      id: "a",
      name: "n",
      set: { x: 1 },
      input: {},
      desc: "d",
      output: {},
      output_select: [],
      spec: {}
    }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.config, { id: "a" })
  ],
  [
    "1.1 the tool does see retry, timeout and auth",
    aCommand({ retry: true, timeout: "30", auth: { type: "none" } }),
    ({ calls }) =>
      assert.deepStrictEqual(calls[0]?.config, { retry: true, timeout: "30", auth: { type: "none" } })
  ],
  [
    "1.2 args that is a list is the tool's own",
    aCommand({ args: ["-c", "x"] }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.config, { args: ["-c", "x"] })
  ],
  [
    "p4.1 a single tool's arguments yield to the command's",
    aCommand({ args: { a: 1, b: 1 } }, { input: { b: 2 } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.args, { a: 1, b: 2 })
  ],
  [
    "1.8 a task's input wins over the step's",
    aCommand([{ a: { kind: "stub", input: { b: 1 } } }], { input: { b: 2, c: 2 } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.args, { b: 1, c: 2 })
  ],
  [
    "p4.5 the step's name loses its suffix",
    aCommand([{ a: { kind: "stub", answers: ["{{ step }}"] } }], { step: "work:task_sequence" }),
    ({ result }) => assert.deepInclude(result.data, { a: "work" })
  ]
]

const life: ReadonlyArray<Row> = [
  [
    "4.2 input is a variable of the settings",
    aCommand({ input: { n: "{{ ctx.n }}" }, url: "/{{ n }}" }, { context: { ctx: { n: 5 } } }),
    ({ calls }) => assert.deepStrictEqual([calls[0]?.args, calls[0]?.config], [{ n: 5 }, { url: "/5" }])
  ],
  [
    "4.2 inputs do not see each other",
    aCommand({ input: { a: 1, b: "{{ a }}" } }, { context: { a: "outer" } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.args, { a: 1, b: "outer" })
  ],
  [
    "4.2 a label is read by the tasks behind it",
    two({ kind: "stub", id: "a", answers: [{ x: { y: 1 } }] }),
    ({ result }) => assert.deepInclude(result.data, { a: { x: { y: 1 } } })
  ],
  [
    "4.2 .data of a label is the label",
    aCommand([
      { a: { kind: "stub", answers: [{ x: 1 }] } },
      { b: { kind: "stub", answers: ["{{ a.data.x }}{{ a.x }}{{ results.a.x }}{{ _prev.x }}"] } }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: "1111" })
  ],
  [
    "4.2 set sees raw data as output",
    aCommand([
      {
        a: {
          kind: "stub",
          answers: [{ x: 1 }],
          set: { whole: "{{ output }}", part: "{{ output.x }}", view: "{{ output.data.x }}" }
        }
      },
      { b: { kind: "stub", answers: [["{{ whole }}", "{{ part }}", "{{ view }}"]] } }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: [{ x: 1 }, 1, 1] })
  ],
  [
    "4.2 set runs when the tool failed",
    aCommand([
      task(onError({ do: "continue" }), [{ data: { x: 2 }, error: 500 }], {
        name: "a",
        set: { seen: "{{ output.x }}" }
      }),
      { name: "b", kind: "stub", answers: ["{{ seen }}"] }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: 2 })
  ],
  [
    "4.2 dotted keys of set nest",
    aCommand([
      { a: { kind: "stub", set: { "iter.x": 1, "ctx.a.b": 2, "deep.c": 3 } } },
      { b: { kind: "stub", answers: ["{{ iter.x }}{{ ctx.a.b }}{{ deep.c }}"] } }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: "123" })
  ],
  [
    "4.2 a timeout is an error to rules",
    aCommand([
      task(onError({ do: "continue" }), [{ sleep: 100 }], { name: "a", timeout: 5 }),
      { name: "b", kind: "stub", answers: ["on"] }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: "on" })
  ],
  [
    "1.13 what every template has",
    aCommand(
      {
        answers: [
          "{{ execution_id }} {{ step }} {{ job.uuid }} {{ workload.w }} {{ w }} {{ only_workload }} {{ ctx.w }} {{ _attempt }} {{ _task }}"
        ]
      },
      { context: { w: 1, workload: { w: 1, only_workload: 2 } } }
    ),
    ({ result }) =>
      assert.strictEqual(result.data, "7670000000000000123 work 7670000000000000123 1 1 2 1 1 work")
  ],
  [
    "1.13 output of a task's input is the last task's data",
    aCommand([
      { a: { kind: "stub", answers: [{ x: 1 }] } },
      { b: { kind: "stub", input: { x: "{{ output.x }}" } } }
    ]),
    ({ calls }) => assert.deepStrictEqual(calls[1]?.args, { x: 1 })
  ],
  [
    "2.5 python's code gets Python's literals",
    aCommand({ code: "x = {{ flag }}", url: "{{ flag }}?" }, { kind: "python", context: { flag: true } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.config, { code: "x = True", url: "true?" })
  ],
  [
    "2.1 what came as input is data",
    aCommand({}, { input: { text: "{{ execution_id }}" } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.args, { text: "{{ execution_id }}" })
  ],
  [
    "p6.2 what newer servers left in input is filled in",
    aCommand(
      {},
      {
        input: {
          a: { $noetl_ref: { kind: "keychain", name: "api", field: "token" } },
          b: "Bearer {{ keychain.api.token }}",
          c: "{{ x }}"
        }
      }
    ),
    ({ calls }) =>
      assert.deepStrictEqual(calls[0]?.args, {
        a: "keychain-token",
        b: "Bearer keychain-token",
        c: "{{ x }}"
      })
  ],
  [
    "3.1 a credential by a template",
    aCommand(
      { auth: "{{ pg_auth }}", query: "q", host: "mine" },
      { kind: "postgres", context: { pg_auth: "pg_local" } }
    ),
    ({ calls }) =>
      assert.deepStrictEqual(calls[0]?.config, {
        query: "q",
        auth: "pg_local",
        host: "mine",
        port: 5432,
        user: "u",
        password: "pg-password",
        database: "d"
      })
  ],
  [
    "3.1 the same in a task of a pipeline",
    aCommand([{ a: { kind: "postgres", auth: "pg_local" } }]),
    ({ calls }) => assert.deepInclude(calls[0]?.config, { password: "pg-password" })
  ],
  [
    "3.4 auth.<alias>.<field> in settings, and not among a program's variables",
    aCommand({ auth: { db: "pg_local" }, url: "{{ auth.db.db_user }}@" }, { kind: "http" }),
    ({ calls }) => {
      assert.deepInclude(calls[0]?.config, { url: "u@" })
      assert.isUndefined(calls[0]?.variables["auth"])
    }
  ],
  [
    "3.2 a missing credential is an error that a rule handles",
    aCommand([
      task([{ when: "{{ output.error.kind == 'credential' }}", then: { do: "continue" } }], [1], {
        name: "a",
        auth: "nope"
      }),
      { name: "b", kind: "stub", answers: ["on"] }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: "on" })
  ],
  [
    "2.4 a template error is an error that a rule handles",
    aCommand([
      task([{ when: "{{ output.error.kind == 'template' }}", then: { do: "continue" } }], [1], {
        name: "a",
        url: "{{ x + 1 }}"
      }),
      { name: "b", kind: "stub", answers: ["on"] }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: "on" })
  ]
]

const variables = (kind: string, answer: Json, expression: string) =>
  aCommand([
    {
      a: {
        ...task(
          [{ when: true, then: { do: "continue", set: { "ctx.seen": `{{ ${expression} }}` } } }],
          [answer]
        ),
        kind
      }
    }
  ])
const seen =
  (expected: Json) =>
  ({ result }: Run) =>
    assert.deepStrictEqual(result.contextUpdates?.["ctx.seen"], expected)

const outputs: ReadonlyArray<Row> = [
  ["4.3 status is ok", variables("stub", 1, "output.status"), seen("ok")],
  [
    "4.3 status compares with success too",
    variables(
      "stub",
      1,
      "[output.status == 'ok', output.status == 'success', output.status != 'success', outcome.status in ['success']]"
    ),
    seen([true, true, false, true])
  ],
  [
    "4.3 status error",
    variables("stub", { error: 500 }, "[output.status, output.success]"),
    seen(["error", false])
  ],
  ["4.3 data, raw", variables("stub", { x: 1 }, "output.data.x"), seen(1)],
  ["4.3 data on an error too", variables("stub", { data: { x: 1 }, error: 500 }, "output.data.x"), seen(1)],
  [
    "4.3 error is none without one",
    variables("stub", 1, "[output.error is none, output.error.retryable]"),
    seen([true, null])
  ],
  [
    "4.3 an answered error is classified",
    variables(
      "http",
      { error: 429 },
      "[output.error.kind, output.error.retryable, output.error.code, output.error.status, output.error.status_code]"
    ),
    seen(["rate_limit", true, "HTTP_429", 429, 429])
  ],
  [
    "4.3 a thrown error is the same",
    variables(
      "http",
      { throw: 503 },
      "[output.status, output.error.kind, output.error.retryable, output.error.code]"
    ),
    seen(["error", "server_error", true, "HTTP_503"])
  ],
  [
    "4.3 an unknown tool is an error of configuration",
    variables("nothing", 1, "[output.error.kind, output.error.retryable]"),
    seen(["config", false])
  ],
  [
    "4.3 http has a status and headers",
    variables(
      "http",
      { status_code: 200, headers: { etag: "x" }, data: {} },
      "[output.http.status, output.http.headers.etag]"
    ),
    seen([200, "x"])
  ],
  [
    "4.3 http status of an error",
    variables("http", { error: 503 }, "output.http.status in [500, 503]"),
    seen(true)
  ],
  [
    "2.4 http of another kind is absent",
    variables("stub", 1, "output.http.status in [500, 503]"),
    seen(false)
  ],
  [
    "1.9.3 a body's members stand beside the answer's",
    variables(
      "http",
      { status_code: 200, headers: {}, data: { paging: 2, headers: "mine" } },
      "[output.data.paging, output.data.data.paging, output.data.status_code, output.data.headers]"
    ),
    seen([2, 2, 200, {}])
  ],
  [
    "4.3 pg has a code",
    variables(
      "postgres",
      { error: { kind: "db_deadlock", sqlstate: "40P01" } },
      "[output.pg.code, output.pg.sqlstate, output.error.pg_code]"
    ),
    seen(["40P01", "40P01", "40P01"])
  ],
  [
    "4.3 py has an exception",
    variables(
      "python",
      { error: { exception: "ValueError", traceback: "tb" } },
      "[output.py.exception, output.py.traceback, output.error.exception_type]"
    ),
    seen(["ValueError", "tb", "ValueError"])
  ],
  [
    "4.3 meta counts attempts",
    variables("stub", 1, "[output.meta.attempt, output.meta.duration_ms, _attempt]"),
    seen([1, 0, 1])
  ],
  [
    "4.3 outcome is the older name",
    variables("stub", { x: 1 }, "[outcome.status, outcome.result.x]"),
    seen(["ok", 1])
  ],
  ["4.3 the task's own label means the fresh result", variables("stub", { x: 1 }, "a.x"), seen(1)],
  ["4.3 the step's own name does as well", variables("stub", { x: 1 }, "work.x"), seen(1)],
  ["4.3 results and _task", variables("stub", { x: 1 }, "[results.a.x, _task, _prev.x]"), seen([1, "a", 1])],
  [
    "4.3 ref of a result that is kept elsewhere",
    variables("stub", { _ref: "noetl://execution/1/result/a/1" }, "output.ref"),
    seen("noetl://execution/1/result/a/1")
  ]
]

const seenByRule = (...rules: ReadonlyArray<Json>) => single(rules, [1])
const wasSet =
  (expected: JsonObject | undefined) =>
  ({ result }: Run) =>
    assert.deepStrictEqual(result.contextUpdates, expected)

const rules: ReadonlyArray<Row> = [
  [
    "4.4 the first match wins",
    seenByRule({ when: true, then: { set: { x: 1 } } }, { when: true, then: { set: { x: 2 } } }),
    wasSet({ "ctx.x": 1 })
  ],
  [
    "4.4 a literal boolean",
    seenByRule({ when: false, then: { set: { x: 1 } } }, { when: true, then: { set: { x: 2 } } }),
    wasSet({ "ctx.x": 2 })
  ],
  [
    "4.4 a bare expression",
    seenByRule({ when: "output.data == 1", then: { set: { x: 1 } } }),
    wasSet({ "ctx.x": 1 })
  ],
  [
    "4.4 else with then",
    seenByRule({ when: false, then: {} }, { else: { then: { set: { x: 1 } } } }),
    wasSet({ "ctx.x": 1 })
  ],
  ["4.4 else without then", seenByRule({ else: { do: "continue", set: { x: 1 } } }), wasSet({ "ctx.x": 1 })],
  [
    "4.4 else with a then beside it",
    seenByRule({ else: null, then: { set: { x: 1 } } }),
    wasSet({ "ctx.x": 1 })
  ],
  ["4.4 then alone always matches", seenByRule({ then: { set: { x: 1 } } }), wasSet({ "ctx.x": 1 })],
  [
    "4.4 no match: success goes on",
    single([{ when: false, then: { do: "fail" } }], [1]),
    ({ result }) => assert.strictEqual(result.status, "success")
  ],
  [
    "4.4 no match: an error fails",
    single([{ when: false, then: { do: "continue" } }], failing),
    ({ result }) => assert.strictEqual(result.error?.message, "bad")
  ],
  ["4.4 no rules at all", single([], failing), ({ result }) => assert.strictEqual(result.status, "error")],
  [
    "4.4 do may be missing",
    two(task([{ when: true, then: {} }], failing)),
    ({ calls }) => assert.strictEqual(ids(calls), "a b")
  ],
  [
    "4.4 continue swallows an error",
    two(task(onError({ do: "continue" }), failing)),
    ({ result, calls }) => {
      assert.strictEqual(ids(calls), "a b")
      assert.strictEqual(result.status, "success")
    }
  ],
  [
    "4.4 continue keeps an error's data under the label",
    two(task(onError({ do: "continue" }), [{ data: { x: 1 }, error: 404 }])),
    ({ result }) => assert.deepInclude(result.data, { a: { x: 1 } })
  ],
  [
    "4.4 break stops with success",
    two(task([{ when: true, then: { do: "break" } }], [{ x: 1 }])),
    ({ result, calls }) => {
      assert.strictEqual(ids(calls), "a")
      assert.strictEqual(result.status, "success")
    }
  ],
  [
    "4.4 break after an error is success too",
    two(task(onError({ do: "break" }), failing)),
    ({ result }) => assert.strictEqual(result.status, "success")
  ],
  [
    "4.4 fail has the tool's error",
    two(task(onError({ do: "fail" }), failing)),
    ({ result, calls }) => {
      assert.strictEqual(ids(calls), "a")
      assert.strictEqual(result.error?.message, "bad")
    }
  ],
  [
    "4.4 fail of a success names the task",
    two(task([{ when: true, then: { do: "fail" } }], [1])),
    ({ result }) => assert.strictEqual(result.error?.message, "task 'a' (0) was failed by its policy")
  ],
  [
    "4.4 jump to a label",
    aCommand([
      { a: { kind: "stub", id: "a" } },
      {
        b: task(
          [
            {
              when: "{{ ctx.again is not defined }}",
              then: { do: "jump", to: "a", set: { "ctx.again": false } }
            }
          ],
          [1],
          { id: "b" }
        )
      }
    ]),
    ({ calls }) => assert.strictEqual(ids(calls), "a b a b")
  ],
  ...["previous", "prev", "_previous", "@previous"].map((to): Row => [
    `4.4 jump to ${to}`,
    aCommand([
      { a: { kind: "stub", id: "a" } },
      {
        b: task(
          [{ when: "{{ not ctx.again }}", then: { do: "jump", to, set: { "ctx.again": true } } }],
          [1],
          { id: "b" }
        )
      }
    ]),
    ({ calls }) => assert.strictEqual(ids(calls), "a b a b")
  ]),
  [
    "4.4 jump forward",
    aCommand([
      task([{ when: true, then: { do: "jump", to: "c" } }], [1], { name: "a" }),
      { name: "b", kind: "stub", id: "b" },
      { name: "c", kind: "stub", id: "c" }
    ]),
    ({ calls }) => assert.strictEqual(ids(calls), "a c")
  ],
  [
    "4.4 jump to nowhere fails and says so",
    single([{ when: true, then: { do: "jump", to: "moon" } }], [1]),
    ({ result }) =>
      assert.strictEqual(result.error?.message, "task 'work' (0) jumps to 'moon', and there is no such task")
  ],
  [
    "1.10 a condition that fails does not hold",
    seenByRule(
      { when: "{{ output.data.x + 1 > 0 }}", then: { set: { x: 1 } } },
      { else: { then: { set: { x: 2 } } } }
    ),
    wasSet({ "ctx.x": 2 })
  ],
  [
    "2.4 a condition that cannot be read fails, with its place",
    single([{ when: "{{ output. }}", then: {} }], [1]),
    ({ result }) =>
      assert.include(result.error?.message, "spec.policy.rules[0].when: unexpected end of the tag")
  ]
]

const always = (then: JsonObject) => onError({ do: "retry", ...then })
const retried =
  (count: number, ...delays: ReadonlyArray<number>) =>
  ({ calls, result }: Run) => {
    assert.strictEqual(calls.length, count)
    assert.deepStrictEqual(gaps(calls), delays)
    assert.strictEqual(result.status, "error")
  }

const retries: ReadonlyArray<Row> = [
  ["4.4 three executions in all, without a pause", single(always({}), failing), retried(3, 0, 0)],
  ["4.4 attempts are executions", single(always({ attempts: 2 }), failing), retried(2, 0)],
  ["4.4 at least one execution", single(always({ attempts: 0 }), failing), retried(1)],
  [
    "4.4 attempts and delay may be templates",
    single(always({ attempts: "{{ 1 + 1 }}", delay: "{{ 7 }}" }), failing),
    retried(2, 7)
  ],
  ["4.4 backoff none has no delay", single(always({ backoff: "none", delay: 5 }), failing), retried(3, 0, 0)],
  ["4.4 no backoff and a delay is fixed", single(always({ delay: 0.5 }), failing), retried(3, 0.5, 0.5)],
  ["4.4 fixed", single(always({ backoff: "fixed", delay: 2 }), failing), retried(3, 2, 2)],
  ["4.4 any other word is fixed", single(always({ backoff: "gentle" }), failing), retried(3, 1, 1)],
  ["4.4 linear", single(always({ backoff: "linear", delay: 2, attempts: 4 }), failing), retried(4, 2, 4, 6)],
  [
    "4.4 exponential",
    single(always({ backoff: "exponential", delay: 1, attempts: 5 }), failing),
    retried(5, 1, 2, 4, 8)
  ],
  [
    "4.4 a backoff without a delay begins with a second",
    single(always({ backoff: "exponential" }), failing),
    retried(3, 1, 2)
  ],
  [
    "1.10 no delay is longer than five minutes",
    single(always({ delay: 9999, attempts: 2 }), failing),
    retried(2, 300)
  ],
  [
    "4.4 what the other side asked for is the least",
    single(always({ delay: 1, attempts: 2 }), [
      { error: { kind: "rate_limit", retryable: true, retryAfter: 10 } }
    ]),
    retried(2, 10)
  ],
  [
    "4.4 and the delay is, when it is longer",
    single(always({ delay: 20, attempts: 2 }), [
      { error: { kind: "rate_limit", retryable: true, retryAfter: 10 } }
    ]),
    retried(2, 20)
  ],
  [
    "4.4 it ends when it succeeds",
    single(always({}), [...failing, { ok: 1 }]),
    ({ result, calls }) => {
      assert.strictEqual(calls.length, 2)
      assert.deepStrictEqual(result.data, { ok: 1 })
    }
  ],
  [
    "1.10 exhausted: the last error counts, whatever a later rule says",
    single(
      [...always({ attempts: 2 }), { else: { then: { do: "continue" } } }],
      [...failing, { error: { message: "last" } }]
    ),
    ({ result }) => assert.strictEqual(result.error?.message, "last")
  ],
  [
    "4.4 _attempt counts from 1",
    single(always({}), [{ error: { message: "n" } }], { input: { n: "{{ _attempt }}" } }),
    ({ calls }) =>
      assert.deepStrictEqual(
        calls.map(({ args }) => args["n"]),
        [1, 2, 3]
      )
  ],
  [
    "4.4 each attempt renders again",
    single(
      [
        {
          when: "{{ output.status == 'error' }}",
          then: { do: "retry", set: { "ctx.page": "{{ (ctx.page | int) + 1 }}" } }
        }
      ],
      failing,
      { input: { page: "{{ ctx.page | int }}" } }
    ),
    ({ calls }) =>
      assert.deepStrictEqual(
        calls.map(({ args }) => args["page"]),
        [0, 1, 2]
      )
  ],
  [
    "4.4 a success may be repeated, and fails when it may not any more",
    single(
      [{ when: "{{ output.data.pending }}", then: { do: "retry", attempts: 3, delay: 1 } }],
      [{ pending: true }]
    ),
    ({ result, calls }) => {
      assert.strictEqual(calls.length, 3)
      assert.strictEqual(result.error?.message, "task 'work' (0) was tried 3 times")
    }
  ],
  [
    "4.4 the counter starts anew after a success",
    aCommand([
      task(always({ attempts: 2 }), [...failing, 1, ...failing, 2], { name: "a" }),
      {
        name: "b",
        ...task(
          [{ when: "{{ not ctx.again }}", then: { do: "jump", to: "a", set: { "ctx.again": true } } }],
          ["b"],
          { id: "b" }
        )
      }
    ]),
    ({ result, calls }) => {
      assert.strictEqual(ids(calls), "a a b a a b")
      assert.strictEqual(result.status, "success")
    }
  ],
  [
    "4.4 a thrown error is retried like any other",
    single(always({ attempts: 2 }), [{ throw: { kind: "connection", retryable: true } }, "fine"]),
    ({ result }) => assert.strictEqual(result.data, "fine")
  ],
  ["4.7 retry: true", aCommand({ id: "a", answers: [{ error: 503 }], retry: true }), retried(3, 1, 2)],
  [
    "4.7 retry: true is for errors that may pass",
    aCommand({ id: "a", answers: [{ error: 404 }], retry: true }),
    retried(1)
  ],
  ["4.7 retry: n", aCommand({ id: "a", answers: [{ error: 503 }], retry: 2 }), retried(2, 1)],
  [
    "4.7 retry: {…} as the Rust engine writes it",
    aCommand({
      id: "a",
      answers: [{ error: 503 }],
      retry: { max_retries: 3, initial_delay_ms: 500, max_delay_ms: 1500, backoff_multiplier: 2 }
    }),
    retried(4, 0.5, 1, 1.5)
  ],
  [
    "4.7 retry: {…} as the Python engine writes it",
    aCommand({
      id: "a",
      answers: [{ error: 503 }],
      retry: { max_attempts: 3, initial_delay: 2, backoff_multiplier: 3 }
    }),
    retried(3, 2, 6)
  ],
  [
    "4.7 retry: a list with conditions",
    aCommand({
      id: "a",
      answers: [{ error: 404 }],
      retry: [
        {
          when: "{{ error.status == 404 and attempt < 9 and not success }}",
          then: { max_attempts: 2, initial_delay: 1 }
        }
      ]
    }),
    retried(2, 1)
  ],
  [
    "4.7 a rule goes before retry",
    aCommand({ ...task(onError({ do: "continue" }), [{ error: 503 }]), retry: true }),
    ({ calls, result }) => {
      assert.strictEqual(calls.length, 1)
      assert.strictEqual(result.status, "success")
    }
  ]
]

const targets: ReadonlyArray<Row> = [
  ["4.6 ctx.x of a rule", seenByRule({ then: { set: { "ctx.x": 1 } } }), wasSet({ "ctx.x": 1 })],
  [
    "4.6 ctx.a.b is reported whole",
    aCommand(task([{ then: { set: { "ctx.a.b": 1 } } }], [1]), { context: { ctx: { a: { c: 2 } } } }),
    wasSet({ "ctx.a": { c: 2, b: 1 } })
  ],
  ["4.6 step.x is ctx.x", seenByRule({ then: { set: { "step.x": 1 } } }), wasSet({ "ctx.x": 1 })],
  ["4.6 iter.x stays here", seenByRule({ then: { set: { "iter.x": 1 } } }), wasSet(undefined)],
  ["4.6 a bare name of a rule is ctx", seenByRule({ then: { set: { x: 1 } } }), wasSet({ "ctx.x": 1 })],
  ["4.6 a bare name of a task stays here", aCommand({ set: { x: 1 } }), wasSet(undefined)],
  ["4.5 ctx.x of a task is reported as well", aCommand({ set: { "ctx.x": 1 } }), wasSet({ "ctx.x": 1 })],
  [
    "4.6 set_ctx and set_iter of older rules",
    seenByRule({ then: { set_ctx: { x: 1 }, set_iter: { y: 2 } } }),
    wasSet({ "ctx.x": 1 })
  ],
  [
    "1.13 all values of a block see the state before it",
    aCommand(task([{ then: { set: { a: "{{ ctx.b }}", b: "{{ ctx.a }}" } } }], [1]), {
      context: { ctx: { a: 1, b: 2 } }
    }),
    wasSet({ "ctx.a": 2, "ctx.b": 1 })
  ],
  [
    "1.13 what was set is read by its bare name",
    aCommand([
      task([{ then: { set: { "ctx.x": 5 } } }], [1], { name: "a" }),
      { name: "b", kind: "stub", answers: ["{{ x }}{{ ctx.x }}{{ vars.x }}"] }
    ]),
    ({ result }) => assert.deepInclude(result.data, { b: "555" })
  ],
  [
    "2.5 an integer stays an integer through set",
    seenByRule({ then: { set: { "ctx.n": "{{ output.data }}" } } }),
    wasSet({ "ctx.n": 1 })
  ],
  [
    "2.4 undefined becomes null",
    seenByRule({ then: { set: { "ctx.n": "{{ nowhere }}" } } }),
    wasSet({ "ctx.n": null })
  ]
]

const results: ReadonlyArray<Row> = [
  [
    "1.8.1 labels, spread, results and _prev",
    aCommand([
      { a: { kind: "stub", answers: [{ x: 1, y: 1 }] } },
      { b: { kind: "stub", answers: [{ y: 2 }] } }
    ]),
    ({ result }) =>
      assert.deepStrictEqual(result.data, {
        x: 1,
        y: 2,
        a: { x: 1, y: 1 },
        b: { y: 2 },
        results: { a: { x: 1, y: 1 }, b: { y: 2 } },
        _prev: { y: 2 }
      })
  ],
  [
    "1.6 a scalar does not switch the spread off",
    aCommand([{ a: { kind: "stub", answers: [{ x: 1 }] } }, { b: { kind: "stub", answers: [[1]] } }]),
    ({ result }) => assert.deepInclude(result.data, { x: 1, b: [1], _prev: [1] })
  ],
  [
    "1.6 labels win over spread members",
    aCommand([{ x: { kind: "stub", answers: [{ x: 1 }] } }]),
    ({ result }) => assert.deepInclude(result.data, { x: { x: 1 } })
  ],
  [
    "1.8.1 a member named results is left alone",
    aCommand([{ a: { kind: "stub", answers: [{ results: 5 }] } }]),
    ({ result }) => assert.deepInclude(result.data, { results: 5 })
  ],
  [
    "1.8.1 a single tool's data is its own",
    aCommand({ answers: [{ a: { b: 1 } }] }),
    ({ result }) => assert.deepStrictEqual(result.data, { a: { b: 1 } })
  ],
  [
    "4.5 a failure has the index and what was there",
    two(task([], [{ data: { x: 1 }, error: 500 }])),
    ({ result }) => {
      assert.strictEqual(result.status, "error")
      assert.deepInclude(result.data, {
        failed_task: 0,
        a: { x: 1 },
        labeled_results: { a: { x: 1 } },
        error: "HTTP 500 response"
      })
    }
  ],
  [
    "4.5 a failure reports what was set before",
    aCommand([
      task([{ then: { set: { x: 1 } } }], [1], { name: "a" }),
      { name: "b", kind: "stub", answers: failing }
    ]),
    wasSet({ "ctx.x": 1 })
  ],
  [
    "1.5 a status in the data is data",
    aCommand({ answers: [{ status: "error" }] }),
    ({ result }) => assert.strictEqual(result.status, "success")
  ],
  [
    "1.5 an error keeps the tool's data",
    aCommand({ answers: [{ data: { status_code: 404 }, error: 404 }] }),
    ({ result }) => assert.deepInclude(result, { status: "error", data: { status_code: 404 } })
  ],
  [
    "1.8 a tool that is too slow is timed out",
    aCommand({ answers: [{ sleep: 100 }], timeout: "5s" }),
    ({ result }) => assert.deepInclude(result, { status: "timeout", durationMs: 5000 })
  ],
  [
    "1.8 timeout_seconds",
    aCommand({ answers: [{ sleep: 100 }], timeout_seconds: "{{ 2 + 3 }}" }),
    ({ result }) => assert.strictEqual(result.error?.message, "Execution timed out after 5 seconds")
  ],
  [
    "1.8 spec.timeout",
    aCommand({ answers: [{ sleep: 100 }], spec: { timeout: "1m" } }),
    ({ result }) => assert.strictEqual(result.durationMs, 60_000)
  ],
  [
    "1.8 a tool that names no deadline has the worker's",
    aCommand({ answers: [{ sleep: 9999 }] }),
    ({ result }) => assert.strictEqual(result.durationMs, 1_800_000)
  ]
]

const refusals: ReadonlyArray<readonly [string, Command, string]> = [
  [
    "4.7 eval",
    aCommand({ eval: [] }),
    "eval: 'eval' is not supported: write spec.policy.rules with when, then and set"
  ],
  [
    "4.4 expr",
    single([{ expr: "x", do: "fail" }], [1]),
    "spec.policy.rules[0].expr: 'expr' is not supported"
  ],
  [
    "4.4 set_vars",
    single([{ then: { set_vars: {} } }], [1]),
    "spec.policy.rules[0].then.set_vars: 'set_vars' is not supported"
  ],
  [
    "an unknown verb",
    single([{ then: { do: "explode" } }], [1]),
    "spec.policy.rules[0].then.do: expected one of continue, break, fail, jump, retry"
  ],
  [
    "a jump without a label",
    single([{ then: { do: "jump" } }], [1]),
    "spec.policy.rules[0].then.to: a jump wants the label to jump to"
  ],
  [
    "1.10 policy.mode inclusive",
    aCommand({ spec: { policy: { mode: "inclusive" } } }),
    "spec.policy.mode: only 'exclusive' is supported"
  ],
  [
    "1.10 policy.finally",
    aCommand({ spec: { policy: { finally: [] } } }),
    "spec.policy.finally: it is not supported"
  ],
  ["rules that are no list", single("{{ x }}", [1]), "spec.policy.rules: expected a list"],
  [
    "a rule that is no mapping",
    single([5], [1]),
    "spec.policy.rules[0]: expected {when, then} or {else: {then}}"
  ],
  ["a spec that is no mapping", aCommand({ spec: [1] }), "spec: expected a mapping"],
  [
    "an input that is no mapping",
    aCommand([{ a: { kind: "stub", input: "x" } }]),
    "tasks[0].a.input: expected a mapping"
  ],
  ["a set that is no mapping", aCommand({ set: [1] }), "set: expected a mapping"],
  [
    "a task without a kind",
    aCommand({ tasks: [{ name: "a" }] }),
    "tasks[0].kind: expected the kind of the tool"
  ],
  [
    "a task that is no mapping",
    aCommand([{ a: { kind: "stub" } }, 7]),
    "tasks[1]: expected {name, kind, …} or {label: {kind, …}}"
  ],
  ["a pipeline of no tasks", aCommand([]), "tasks: a pipeline has at least one task"],
  [
    "a pipeline that is nothing",
    aCommand({}, { kind: "task_sequence" }),
    "tasks: a pipeline has at least one task"
  ],
  [
    "a million tasks",
    aCommand(Array.from({ length: 1_000_000 }, () => ({ a: { kind: "stub" } }))),
    "tasks: a pipeline of 1000000 tasks; 10000 is the most"
  ],
  ["settings that are no mapping", aCommand("x"), "expected a mapping"],
  [
    "4.7 pagination by retry",
    aCommand({ retry: [{ when: true, then: { next_call: {} } }] }),
    "retry[0].then: pagination by retry is not supported: write a rule that jumps"
  ]
]

describe("Pipeline", () => {
  describe.each([
    ["takes every shape", shapes],
    ["lives a task's life", life],
    ["shows rules the output", outputs],
    ["follows rules", rules],
    ["retries", retries],
    ["sets", targets],
    ["gives results", results]
  ])("%s", (_, rows) => {
    it.effect.each(rows)("%s", ([, command, look]) => {
      const { calls, layer } = world()
      return Effect.gen(function* () {
        look({ result: yield* work(command), calls })
      }).pipe(Effect.provide(layer))
    })
  })

  describe("refuses, with the place", () => {
    it.effect.each(refusals)("%s", ([, command, message]) => {
      const { calls, layer } = world()
      return Effect.gen(function* () {
        const error = yield* Effect.flip(work(command))
        assert.strictEqual(error.reason._tag, "InvalidConfig")
        assert.include(error.message, message)
        assert.lengthOf(calls, 0)
      }).pipe(Effect.provide(layer))
    })
  })

  it.effect("4.4 ends after so many executions, and says so", () => {
    const { calls, layer } = world()
    return Effect.gen(function* () {
      const result = yield* work(aCommand([{ a: task([{ then: { do: "jump", to: "a" } }], [1]) }]))
      assert.strictEqual(calls.length, 500)
      assert.strictEqual(result.error?.kind, "limit")
      assert.deepInclude(result.data, { labeled_results: { a: 1 } })
      assert.include(result.error?.message, "max_iterations_exceeded")
    }).pipe(Effect.provide(layer), Effect.provideService(MaxExecutions, 500))
  })

  it.effect("holds no slot while it waits", () => {
    const { layer } = world()
    const parked: Array<string> = []
    const slot = {
      park: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => parked.push("given back")),
          () => effect,
          () => Effect.sync(() => parked.push("taken again"))
        )
    }
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        Effect.scoped(run(single(always({ delay: 60, attempts: 2 }), failing))),
        {
          startImmediately: true
        }
      )
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(parked, ["given back"])
      yield* TestClock.adjust("31 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(parked, ["given back", "taken again"])
    }).pipe(Effect.provide(layer), Effect.provideService(Slot, slot))
  })

  it.effect("lets a defect of a tool through", () => {
    const { layer } = world()
    return Effect.gen(function* () {
      const exit = yield* Effect.exit(work(single(always({}), [{ die: 1 }])))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(Effect.provide(layer))
  })

  it.effect("can be interrupted while it waits", () => {
    const { calls, layer } = world()
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.scoped(run(single(always({ delay: 100 }), failing))), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.lengthOf(calls, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("passes 50 MB from task to task without a copy", () => {
    const { calls, layer } = world()
    const big = { rows: Array.from({ length: 50 }, () => "y".repeat(1_000_000)) }
    return Effect.gen(function* () {
      const command = aCommand(
        [
          { a: { kind: "stub", input: { big: "{{ big }}" } } },
          { b: { kind: "stub", input: { again: "{{ a.big }}" } } }
        ],
        { context: { big } }
      )
      const result = yield* work(command)
      assert.strictEqual(calls[1]?.args["again"], big)
      assert.strictEqual(result.status, "success")
    }).pipe(Effect.provide(layer))
  })

  it.effect("p4.5 answers the Python engine in its own shape", () => {
    const { layer } = world()
    return Effect.gen(function* () {
      const good = yield* work(aCommand([{ a: task([{ then: { set: { "ctx.n": 2 } } }], [{ x: 1 }]) }]))
      assert.deepInclude(pythonResponseOf(good), {
        status: "ok",
        ctx: { n: 2 },
        _prev: { x: 1 },
        x: 1,
        results: { a: { x: 1 } }
      })
      const own = yield* work(aCommand([{ a: { kind: "stub", answers: [{ status: "passed" }] } }]))
      assert.deepInclude(pythonResponseOf(own), { status: "passed" })
      const bad = yield* work(aCommand([{ a: { kind: "stub", answers: failing } }]))
      assert.deepInclude(pythonResponseOf(bad), { status: "failed", error: "bad", failed_task: 0 })
    }).pipe(Effect.provide(layer))
  })
})
