import { assert, describe } from "@effect/vitest"
import {
  type Row,
  ids,
  task,
  single,
  two,
  failing,
  onError,
  seenByRule,
  wasSet,
  always,
  retried,
  aCommand,
  table
} from "./pipelineWorld.ts"

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
    "4.7 retry: a template",
    aCommand({ id: "a", answers: [{ error: 503 }], retry: "{{ n }}" }, { context: { n: 4 } }),
    retried(4, 1, 2, 4)
  ],
  [
    "4.7 retry: a template of false",
    aCommand({ id: "a", answers: [{ error: 503 }], retry: "{{ again }}" }, { context: { again: false } }),
    retried(1)
  ],
  [
    "4.7 retry: a template of a mapping",
    aCommand(
      { id: "a", answers: [{ error: 503 }], retry: "{{ plan }}" },
      { context: { plan: { max_attempts: 2, initial_delay: 7 } } }
    ),
    retried(2, 7)
  ],
  [
    "4.7 retry: a number as text",
    aCommand({ id: "a", answers: [{ error: 503 }], retry: "2" }),
    retried(2, 1)
  ],
  [
    "4.7 retry: {…} with templates and floats",
    aCommand(
      {
        id: "a",
        answers: [{ error: 503 }],
        retry: {
          max_retries: "{{ n }}",
          initial_delay_ms: "{{ ms }}",
          backoff_multiplier: JSON.rawJSON("3.0")
        }
      },
      { context: { n: 2, ms: 500 } }
    ),
    retried(3, 0.5, 1.5)
  ],
  [
    "4.7 retry: a template of something else",
    aCommand({ id: "a", answers: [{ error: 503 }], retry: "{{ word }}" }, { context: { word: "often" } }),
    ({ result }) => {
      assert.strictEqual(result.error?.kind, "config")
      assert.include(result.error?.message ?? "", "retry: expected true, a number of attempts")
    }
  ],
  [
    "4.7 the author's names in the condition of a retry",
    aCommand(
      { id: "a", answers: [{ error: 503 }], retry: { when: "{{ attempt == 'mine' }}", max_attempts: 2 } },
      { context: { attempt: "mine" } }
    ),
    retried(2, 1)
  ],
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

describe("Pipeline", () => {
  describe("follows rules", () => table(rules))
  describe("retries", () => table(retries))
})
