import { assert, describe } from "@effect/vitest"
import type { Json } from "../../src/domain/Json.ts"
import {
  type Run,
  type Row,
  task,
  two,
  failing,
  seenByRule,
  wasSet,
  aCommand,
  table
} from "./pipelineWorld.ts"

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
    "1.8.1 what ran last wins, after a jump too",
    aCommand([
      task([], [{ x: 1 }, { x: 3 }], { name: "a" }),
      {
        name: "b",
        ...task(
          [
            { when: "{{ not ctx.again }}", then: { do: "jump", to: "a", set: { "ctx.again": true } } },
            { then: { do: "break" } }
          ],
          [{ x: 2 }, { y: 1 }],
          { id: "b" }
        )
      }
    ]),
    ({ result }) => assert.deepInclude(result.data, { x: 3, y: 1, _prev: { y: 1 } })
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

describe("Pipeline", () => {
  describe("shows rules the output", () => table(outputs))
  describe("sets", () => table(targets))
  describe("gives results", () => table(results))
})
