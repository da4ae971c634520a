import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Latch, Layer, Logger, Metric, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Busy, ControlPlaneError, Unreachable } from "../../src/control-plane/ControlPlane.ts"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { EventLoop } from "../../src/worker/Backpressure.ts"
import * as Failure from "../../src/domain/Failure.ts"
import { failure, success } from "../../src/domain/ToolResult.ts"
import { Journal } from "../../src/journal/Journal.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { StubCalls } from "../../src/testing/StubTool.ts"
import * as TestWorker from "../../src/testing/TestWorker.ts"
import { Slot } from "../../src/tools/Slot.ts"
import { Worker } from "../../src/worker/Worker.ts"

/** Runs a test with the worker's world, and the worker in a scope that the test may close. */
const withWorker = <A, E>(
  options: TestWorker.Options,
  body: (stop: Effect.Effect<void>) => Effect.Effect<A, E, TestWorker.World | Worker | Scope.Scope>
) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Worker.layer, scope)
    return yield* body(Scope.close(scope, Exit.void)).pipe(Effect.provide(context))
  }).pipe(Effect.provide(TestWorker.world(options)))

const settlements = Effect.flatMap(MemoryQueue, (queue) =>
  Effect.map(queue.settled, (all) => all.map(({ settlement }) => settlement._tag))
)

/** The log of the control plane without the heartbeats. */
const log = Effect.flatMap(MemoryControlPlane, (plane) =>
  Effect.map(plane.log, (lines) => lines.map((line) => line.what).filter((what) => what !== "heartbeat"))
)

/** Lets everything that can run now run. */
const settle = TestClock.adjust(0).pipe(Effect.andThen(Effect.yieldNow), Effect.repeat({ times: 50 }))

const unreachable = new ControlPlaneError({
  operation: "report",
  reason: new Unreachable({ detail: "refused" })
})

describe("Worker", () => {
  it.effect("works a message to its acknowledgement, in this order", () =>
    withWorker({}, (stop) =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand(1, { input: { id: 7 } }))
        yield* settle
        yield* stop
        assert.deepStrictEqual(yield* log, [
          "register",
          "claim",
          "command.started",
          "call.done",
          "command.completed",
          "deregister"
        ])
        assert.deepStrictEqual(yield* settlements, ["Ack"])
        assert.deepStrictEqual(yield* (yield* MemoryControlPlane).endingOf(aCommand().commandId), {
          status: "completed",
          value: { id: 7 }
        })
      })
    )
  )

  it.effect("reports a failed tool as a failure and acknowledges", () =>
    withWorker({ answer: () => Effect.succeed(failure(Failure.make("tool_error", "exit 42"))) }, () =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* settle
        const plane = yield* MemoryControlPlane
        assert.deepStrictEqual(yield* plane.endingOf(aCommand().commandId), {
          status: "failed",
          error: "exit 42"
        })
        assert.deepStrictEqual(yield* plane.eventsOf(aCommand().commandId), [
          "command.started",
          "call.error",
          "command.failed"
        ])
        assert.deepStrictEqual(yield* settlements, ["Ack"])
      })
    )
  )

  it.effect("makes a defect in a tool an outcome, and goes on working", () =>
    withWorker(
      {
        answer: (call) =>
          call.args["crash"] === true ? Effect.die(new TypeError("boom")) : Effect.succeed(success(1))
      },
      () =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand(1, { input: { crash: true } }))
          yield* TestWorker.submit(aCommand(2))
          yield* settle
          const plane = yield* MemoryControlPlane
          assert.deepStrictEqual(yield* plane.endingOf(aCommand(1).commandId), {
            status: "failed",
            error: "boom"
          })
          assert.deepStrictEqual(yield* plane.endingOf(aCommand(2).commandId), {
            status: "completed",
            value: 1
          })
          assert.deepStrictEqual(yield* settlements, ["Ack", "Ack"])
          const children = (yield* (yield* Worker).status).children
          assert.deepStrictEqual(
            children.map((child) => child.restarts),
            [0, 0, 0, 0, 0, 0, 0]
          )
        })
    )
  )

  it.effect("discards a message that is no notification, and goes on working", () =>
    withWorker({}, () =>
      Effect.gen(function* () {
        const queue = yield* MemoryQueue
        for (const body of ["", "nonsense", "[]", `{"execution_id": {}}`, "[".repeat(100_000)])
          yield* queue.publish(body)
        yield* TestWorker.submit(aCommand())
        yield* settle
        const tags = yield* settlements
        assert.deepStrictEqual(tags.toSorted(), [
          "Ack",
          "Discard",
          "Discard",
          "Discard",
          "Discard",
          "Discard"
        ])
      })
    )
  )

  it.effect("runs no more commands at once than it has slots", () => {
    const running = { now: 0, most: 0 }
    const answer = () =>
      Effect.acquireUseRelease(
        Effect.sync(() => (running.most = Math.max(running.most, ++running.now))),
        () => Effect.as(Effect.sleep("1 second"), success(null)),
        () => Effect.sync(() => void (running.now -= 1))
      )
    return withWorker({ answer, config: { concurrency: 3 } }, () =>
      Effect.gen(function* () {
        for (let n = 1; n <= 10; n++) yield* TestWorker.submit(aCommand(n))
        yield* settle
        yield* TestClock.adjust("10 seconds")
        yield* settle
        assert.strictEqual(running.most, 3)
        assert.strictEqual((yield* settlements).length, 10)
      })
    )
  })

  it.effect("keeps to the limit of a kind and lets other kinds pass", () => {
    const started: Array<string> = []
    const answer = (call: { readonly step: string }) =>
      Effect.andThen(
        Effect.sync(() => started.push(call.step)),
        Effect.as(Effect.sleep("1 second"), success(null))
      )
    return withWorker({ answer, config: { concurrency: 2, kindLimits: new Map([["stub", 1]]) } }, () =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand(1, { step: "a" }))
        yield* TestWorker.submit(aCommand(2, { step: "b" }))
        yield* settle
        assert.deepStrictEqual(started, ["a"])
        yield* TestClock.adjust("1 second")
        yield* settle
        assert.deepStrictEqual(started, ["a", "b"])
        yield* TestClock.adjust("1 second")
      })
    )
  })

  it.effect("never works a command twice at the same time", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      yield* withWorker({ answer: () => Effect.as(gate.await, success(1)) }, () =>
        Effect.gen(function* () {
          const queue = yield* MemoryQueue
          const body = yield* (yield* MemoryControlPlane).issue(aCommand())
          yield* queue.publish(body)
          yield* queue.publish(body)
          yield* settle
          assert.strictEqual((yield* (yield* StubCalls).calls).length, 1)
          yield* gate.open
          yield* settle
          yield* TestClock.adjust("10 seconds")
          yield* settle
          assert.strictEqual((yield* (yield* StubCalls).calls).length, 1)
          assert.deepStrictEqual(yield* settlements, ["Retry", "Ack", "Ack"])
        })
      )
    })
  )

  it.effect("reports again, and does not run again, when the report was lost", () => {
    const state = { refuse: true }
    const before = (operation: string) =>
      operation === "report Succeeded" && state.refuse ? Effect.fail(unreachable) : Effect.void
    return withWorker({ controlPlane: { before } }, () =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* settle
        assert.deepStrictEqual(yield* settlements, ["Retry"])
        assert.strictEqual((yield* (yield* Journal).unreported).length, 1)
        state.refuse = false
        yield* TestClock.adjust("5 seconds")
        yield* settle
        assert.deepStrictEqual(yield* settlements, ["Retry", "Ack"])
        assert.strictEqual((yield* (yield* StubCalls).calls).length, 1)
        assert.strictEqual((yield* (yield* Journal).unreported).length, 0)
      })
    )
  })

  it.effect("stops pulling while too many outcomes wait for the control plane", () => {
    const state = { refuse: true }
    const before = (operation: string) =>
      operation === "report Succeeded" && state.refuse ? Effect.fail(unreachable) : Effect.void
    return withWorker(
      {
        controlPlane: { before },
        journal: { unreported: 2, reported: 10 },
        config: { concurrency: 1, prefetch: 0 }
      },
      () =>
        Effect.gen(function* () {
          for (let n = 1; n <= 6; n++) yield* TestWorker.submit(aCommand(n))
          yield* settle
          const calls = (yield* (yield* StubCalls).calls).length
          assert.isAtMost(calls, 3)
          state.refuse = false
          for (let i = 0; i < 20; i++) yield* Effect.andThen(TestClock.adjust("5 seconds"), settle)
          assert.strictEqual((yield* (yield* StubCalls).calls).length, 6)
          assert.deepStrictEqual(yield* (yield* Journal).unreported, [])
          assert.strictEqual((yield* settlements).filter((tag) => tag === "Ack").length, 6)
        })
    )
  })

  it.effect("asks for a claim again, holding the message, while the control plane is away or busy", () => {
    const answers: Array<Effect.Effect<void, ControlPlaneError>> = [
      Effect.fail(
        new ControlPlaneError({ operation: "claim", reason: new Busy({ detail: "503", retryAfter: 7000 }) })
      ),
      Effect.fail(unreachable)
    ]
    const before = (operation: string) =>
      operation === "claim" ? (answers.pop() ?? Effect.void) : Effect.void
    return withWorker({ controlPlane: { before } }, () =>
      Effect.gen(function* () {
        const claims = Effect.map(log, (lines) => lines.filter((what) => what === "claim").length)
        yield* TestWorker.submit(aCommand())
        yield* settle
        // The first pause is ours, the second one is the server's.
        yield* TestClock.adjust("1 second")
        yield* settle
        yield* TestClock.adjust("6 seconds")
        yield* settle
        assert.strictEqual(yield* claims, 0)
        assert.deepStrictEqual(yield* settlements, [])
        yield* TestClock.adjust("1 second")
        yield* settle
        assert.strictEqual(yield* claims, 1)
        assert.deepStrictEqual(yield* settlements, ["Ack"])
      })
    )
  })

  it.effect(
    "stops a command whose lease lapsed and that somebody else owns now, and tells nothing of it",
    () =>
      Effect.gen(function* () {
        const gone = yield* Deferred.make<void>()
        const answer = () => Effect.never.pipe(Effect.onInterrupt(() => Deferred.succeed(gone, undefined)))
        // The queue does not hear the extensions: they come after the lease is over.
        yield* withWorker({ answer, queue: { lease: "100 millis" } }, () =>
          Effect.gen(function* () {
            const plane = yield* MemoryControlPlane
            yield* TestWorker.submit(aCommand())
            yield* settle
            yield* plane.takeAway(aCommand().commandId, "another")
            yield* TestClock.adjust("5 seconds")
            yield* Deferred.await(gone)
            yield* settle
            assert.deepStrictEqual(yield* plane.eventsOf(aCommand().commandId), ["command.started"])
          })
        )
      })
  )

  it.effect("asks who owns a command before it tells an ending that came after a lapse", () =>
    withWorker(
      {
        answer: () => Effect.as(Effect.sleep("600 millis"), success("late")),
        queue: { lease: "100 millis" }
      },
      () =>
        Effect.gen(function* () {
          const plane = yield* MemoryControlPlane
          yield* TestWorker.submit(aCommand())
          yield* settle
          yield* plane.takeAway(aCommand().commandId, "another")
          for (let i = 0; i < 4; i++) yield* Effect.andThen(TestClock.adjust("200 millis"), settle)
          assert.deepStrictEqual(yield* plane.eventsOf(aCommand().commandId), ["command.started"])
          assert.strictEqual((yield* (yield* Journal).unreported).length, 1)
        })
    )
  )

  it.effect("goes on with a command whose lease lapsed when it is still ours", () =>
    withWorker(
      { answer: () => Effect.as(Effect.sleep("5 seconds"), success("done")), queue: { lease: "100 millis" } },
      () =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand())
          yield* settle
          yield* TestClock.adjust("1 minute")
          yield* settle
          const plane = yield* MemoryControlPlane
          assert.deepStrictEqual(yield* plane.endingOf(aCommand().commandId), {
            status: "completed",
            value: "done"
          })
          assert.strictEqual((yield* (yield* StubCalls).calls).length, 1)
        })
    )
  )

  it.effect("stops a command whose execution was cancelled", () =>
    Effect.gen(function* () {
      const gone = yield* Deferred.make<void>()
      const answer = () => Effect.never.pipe(Effect.onInterrupt(() => Deferred.succeed(gone, undefined)))
      yield* withWorker({ answer }, () =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand())
          yield* settle
          yield* (yield* MemoryControlPlane).cancel(aCommand().executionId)
          yield* TestClock.adjust("30 seconds")
          yield* Deferred.await(gone)
          yield* settle
          assert.deepStrictEqual(yield* settlements, ["Ack"])
        })
      )
    })
  )
})

describe("Worker's shutdown", () => {
  it.effect("waits for the command in hand and hands back those that wait", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      yield* withWorker(
        { answer: () => Effect.as(gate.await, success(1)), config: { concurrency: 1, prefetch: 2 } },
        (stop) =>
          Effect.gen(function* () {
            for (let n = 1; n <= 3; n++) yield* TestWorker.submit(aCommand(n))
            yield* settle
            const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
            yield* settle
            assert.deepStrictEqual(yield* settlements, ["Retry", "Retry"])
            yield* gate.open
            yield* settle
            assert.isDefined(stopping.pollUnsafe())
            assert.deepStrictEqual(yield* settlements, ["Retry", "Retry", "Ack"])
            assert.deepStrictEqual((yield* log).at(-1), "deregister")
          })
      )
    })
  )

  it.effect("interrupts what outlives the drain, deregisters, and hands it back only then", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const answer = () =>
        Effect.never.pipe(Effect.onInterrupt(() => Effect.sync(() => order.push("tool gone"))))
      yield* withWorker({ answer, config: { drain: Duration.seconds(10) } }, (stop) =>
        Effect.gen(function* () {
          const plane = yield* MemoryControlPlane
          const queue = yield* MemoryQueue
          yield* plane.onLine(({ what }) => {
            if (what === "deregister")
              order.push(`${what}, ${Effect.runSync(queue.settled).length} handed back`)
          })
          yield* TestWorker.submit(aCommand())
          yield* settle
          const stopping = yield* Effect.forkChild(
            Effect.tap(stop, () => Effect.sync(() => order.push("stopped"))),
            {
              startImmediately: true
            }
          )
          yield* TestClock.adjust("9 seconds")
          yield* settle
          assert.deepStrictEqual(order, [])
          yield* TestClock.adjust("1 second")
          yield* settle
          assert.isDefined(stopping.pollUnsafe())
          assert.deepStrictEqual(order, ["tool gone", "deregister, 0 handed back", "stopped"])
          const [only] = yield* (yield* MemoryQueue).settled
          assert.deepStrictEqual(only?.settlement, {
            _tag: "Retry",
            after: Duration.zero,
            countsAsFailure: false
          } as never)
          assert.deepStrictEqual(yield* plane.eventsOf(aCommand().commandId), ["command.started"])
        })
      )
    })
  )

  it.effect.each<readonly [string, Duration.Input | undefined, string]>([
    ["hands back at once what only waits, and may wait for longer than the drain has", undefined, "Retry"],
    ["waits for a pause that ends in time", "20 seconds", "Ack"]
  ])("that drains %s", ([, pause, settlement]) =>
    withWorker(
      {
        answer: () =>
          Effect.flatMap(Slot, ({ park }) =>
            pause === undefined
              ? park(Effect.never)
              : Effect.as(park(Effect.sleep(pause), Duration.fromInputUnsafe(pause)), success("rested"))
          ),
        config: { drain: Duration.minutes(10) }
      },
      (stop) =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand())
          yield* settle
          const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
          yield* settle
          yield* TestClock.adjust(pause ?? 0)
          yield* settle
          assert.isDefined(stopping.pollUnsafe())
          assert.deepStrictEqual(yield* settlements, [settlement])
        })
    )
  )

  it.effect("goes on when the control plane does not answer the deregistration", () =>
    withWorker(
      { controlPlane: { before: (what) => (what === "deregister" ? Effect.never : Effect.void) } },
      (stop) =>
        Effect.gen(function* () {
          const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
          yield* TestClock.adjust("5 seconds")
          yield* settle
          assert.isDefined(stopping.pollUnsafe())
        })
    )
  )

  it.effect("keeps the leases of what it works until the end", () =>
    withWorker(
      {
        answer: () => Effect.as(Effect.sleep("20 seconds"), success("late")),
        queue: { lease: "2 seconds" },
        config: { drain: Duration.seconds(30) }
      },
      (stop) =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand())
          yield* settle
          const stopping = yield* Effect.forkChild(stop, { startImmediately: true })
          for (let i = 0; i < 100; i++) yield* TestClock.adjust("250 millis")
          yield* settle
          assert.isDefined(stopping.pollUnsafe())
          const settled = yield* (yield* MemoryQueue).settled
          assert.deepStrictEqual(
            settled.map(({ attempt, settlement }) => [attempt, settlement._tag]),
            [[1, "Ack"]]
          )
        })
    )
  )

  describe("whose event loop is late", () => {
    /** A command that runs until the gate opens, while the loop is as late as the test says. */
    const lateWorld = (
      body: (world: {
        readonly late: (seconds: number) => void
        readonly gate: Latch.Latch
        readonly warnings: ReadonlyArray<string>
      }) => Effect.Effect<void, unknown, TestWorker.World | Worker | Scope.Scope>
    ) =>
      Effect.gen(function* () {
        const gate = yield* Latch.make(false)
        const warnings: Array<string> = []
        let seconds = 0
        const logger = Logger.make(({ logLevel, message }) => {
          if (logLevel === "Warn") warnings.push(String(message))
        })
        yield* withWorker(
          { answer: () => Effect.as(gate.await, success(1)), config: { concurrency: 4 } },
          () => body({ late: (now) => (seconds = now), gate, warnings })
        ).pipe(
          Effect.provideService(
            EventLoop,
            Effect.succeed(() => seconds)
          ),
          Effect.provide(Logger.layer([logger])),
          Effect.provideService(Metric.MetricRegistry, new Map())
        )
      })
    const inHand = Effect.flatMap(Worker, (worker) =>
      Effect.map(worker.status, ({ active }) => active.length)
    )
    const paused = Effect.map(
      Effect.all([Metric.value(Metrics.pullPaused), Metric.value(Metrics.pullPauses)]),
      ([now, times]) => [now.value, times.count]
    )

    it.effect("takes no more until it keeps up again, and says so once", () =>
      lateWorld(({ late, warnings }) =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand(1))
          yield* settle
          // What was asked for before the loop was late still comes.
          late(0.6)
          yield* TestWorker.submit(aCommand(2))
          yield* settle
          yield* TestWorker.submit(aCommand(3))
          yield* TestClock.adjust("10 seconds")
          yield* settle
          assert.strictEqual(yield* inHand, 2)
          assert.strictEqual(warnings.filter((line) => line.includes("late")).length, 1)
          assert.deepStrictEqual(yield* paused, [1, 1])
          late(0.3)
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(yield* paused, [1, 1])
          late(0.2)
          yield* TestClock.adjust("1 second")
          yield* settle
          assert.deepStrictEqual(yield* paused, [0, 1])
          assert.strictEqual(yield* inHand, 3)
        })
      )
    )

    it.effect("takes more when nothing of its own runs: then the lateness is not its doing", () =>
      lateWorld(({ gate, late }) =>
        Effect.gen(function* () {
          late(5)
          yield* gate.open
          yield* TestWorker.submit(aCommand(1))
          yield* settle
          yield* TestWorker.submit(aCommand(2))
          yield* TestClock.adjust("1 second")
          yield* settle
          assert.deepStrictEqual(yield* settlements, ["Ack", "Ack"])
          assert.deepStrictEqual(yield* paused, [0, 0])
        })
      )
    )
  })
})
