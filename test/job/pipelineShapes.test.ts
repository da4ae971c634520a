import { assert, describe } from "@effect/vitest"
import { type Row, ids, task, single, two, onError, aCommand, table } from "./pipelineWorld.ts"

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
    "2.7 what a server left unrendered is rendered, what it rendered is not touched",
    aCommand(
      { id: "a", url: "http://x/7", left: "{{ ctx.page }}", answers: [1] },
      { context: { ctx: { page: 3 }, page: 7 } }
    ),
    ({ calls }) => assert.deepInclude(calls[0]?.config, { url: "http://x/7", left: 3 })
  ],
  [
    "2.7 data of a server's that looks like a template stays data",
    aCommand({ id: "a", answers: [1] }, { input: { body: "{{ ctx.page }}" }, context: { ctx: { page: 3 } } }),
    ({ calls }) => assert.deepStrictEqual(calls[0]?.args, { body: "{{ ctx.page }}" })
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

describe("Pipeline", () => {
  describe("takes every shape", () => table(shapes))
  describe("lives a task's life", () => table(life))
})
