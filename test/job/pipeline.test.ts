import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { Command } from "../../src/domain/Command.ts"
import type { Json } from "../../src/domain/Json.ts"
import { MaxExecutions, run } from "../../src/job/pipeline/pipeline.ts"
import { pythonResponseOf } from "../../src/control-plane/noetl/pythonResponse.ts"
import { Slot } from "../../src/tools/Slot.ts"
import { task, single, failing, always, aCommand, work, world } from "./pipelineWorld.ts"

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

  it.effect("ends at the command's deadline, which counts for all tasks and repetitions together", () => {
    const { calls, layer } = world("60 seconds")
    return Effect.gen(function* () {
      const result = yield* work(
        aCommand([{ a: task([{ then: { do: "jump", to: "a" } }], [{ sleep: 25 }]) }])
      )
      // The third of them has ten seconds left.
      assert.lengthOf(calls, 3)
      assert.deepInclude(result.error, { kind: "timeout", code: "COMMAND_TIMEOUT" })
      assert.deepStrictEqual(
        calls.map(({ deadline }) => deadline),
        [60, 35, 10]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect(
    "has the time that the author allows its tasks one after the other, and the pauses besides",
    () => {
      const { calls, layer } = world("60 seconds")
      return Effect.gen(function* () {
        const slow = { ...task([], [{ sleep: 80 }]), timeout: 90 }
        const retried = task(
          [
            { when: "{{ outcome.error }}", then: { do: "retry", attempts: 2, delay: 500 } },
            { then: { do: "continue" } }
          ],
          [{ error: 503 }, { sleep: 10 }],
          { id: "c" }
        )
        const result = yield* work(aCommand([{ a: slow }, { b: slow }, { c: retried }]))
        assert.strictEqual(result.status, "success")
        assert.lengthOf(calls, 4)
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("4.4 ends after so many executions, and says so", () => {
    const { calls, layer } = world("100 days")
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

  it.effect("gives the memory of large values back", () => {
    const { layer } = world()
    setFlagsFromString("--expose-gc")
    const gc = runInNewContext("gc") as () => void
    const heap = () => {
      gc()
      return process.memoryUsage().heapUsed
    }
    return Effect.gen(function* () {
      const command = aCommand({ input: { text: "{{ 'x' * 50000000 }}", list: "{{ range(90000) }}" } })
      yield* work(command)
      const before = heap()
      for (let i = 0; i < 10; i++) yield* work(command)
      assert.isBelow(heap() - before, 60_000_000)
    }).pipe(Effect.provide(Layer.fresh(layer)))
  })

  it.effect("refuses settings that contain themselves, as an error that a rule can handle", () => {
    const { layer } = world()
    const config: Record<string, Json> = { kind: "stub" }
    config["self"] = config
    return Effect.gen(function* () {
      const result = yield* work(aCommand([{ a: config }]))
      assert.strictEqual(result.error?.kind, "template")
      assert.include(result.error?.message, "nested deeper than 256")
    }).pipe(Effect.provide(layer))
  })

  it.effect.prop(
    "ends in a result or a located error, whatever the command",
    [Schema.Json, Schema.Json, Schema.Boolean],
    ([config, rules, isList]) => {
      const { layer } = world()
      const own = {
        kind: "stub",
        spec: { policy: { rules: [rules, { when: config, then: rules }] } },
        set: config
      }
      const commands = [
        aCommand(config, { kind: isList ? "task_sequence" : "stub" }),
        aCommand([config, { a: own as Json }]),
        aCommand([{ a: own as Json }])
      ]
      return Effect.gen(function* () {
        for (const command of commands) {
          const exit = yield* Effect.exit(work(command))
          assert.isFalse(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        }
      }).pipe(Effect.provide(layer))
    }
  )

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
