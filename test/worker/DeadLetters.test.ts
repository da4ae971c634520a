import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Logger, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ControlPlaneError, Refused, Unreachable } from "../../src/control-plane/ControlPlane.ts"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { makeFailureCounter } from "../../src/job/deadLetter.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import { Disconnected, MessageQueue, QueueError } from "../../src/queue/MessageQueue.ts"
import * as SqliteJournal from "../../src/journal/SqliteJournal.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { StubCalls } from "../../src/testing/StubTool.ts"
import * as TestWorker from "../../src/testing/TestWorker.ts"
import { Worker } from "../../src/worker/Worker.ts"

const settle = TestClock.adjust(0).pipe(Effect.andThen(Effect.yieldNow), Effect.repeat({ times: 50 }))

const withWorker = <A, E>(
  options: TestWorker.Options,
  body: Effect.Effect<A, E, TestWorker.World | Worker | Scope.Scope>
) => body.pipe(Effect.provide(TestWorker.layer(options)), Effect.scoped)

const deadLetters = Effect.flatMap(MemoryQueue, (queue) => queue.deadLetters)
const tags = Effect.flatMap(MemoryQueue, (queue) =>
  Effect.map(queue.settled, (all) => all.map(({ settlement }) => settlement._tag))
)

/** Lets retries come that wait half a minute. */
const minutes = (n: number) =>
  Effect.andThen(TestClock.adjust("30 seconds"), settle).pipe(Effect.repeat({ times: n * 2 }))

const failing = (reason: ControlPlaneError["reason"]) => ({
  before: (operation: string) =>
    operation === "claim" ? Effect.fail(new ControlPlaneError({ operation, reason })) : Effect.void
})

describe("A dead letter", () => {
  it.effect("is a message that cannot be read: parked with its body and the reason, then discarded", () =>
    withWorker(
      {},
      Effect.gen(function* () {
        yield* (yield* MemoryQueue).publish("nonsense")
        yield* settle
        const [letter] = yield* deadLetters
        assert.strictEqual(letter?.body, "nonsense")
        assert.match(letter?.reason ?? "", /^no notification: /)
        assert.deepStrictEqual([letter?.attempts, letter?.at], [1, "1970-01-01T00:00:00.000Z"])
        assert.deepStrictEqual(yield* tags, ["Discard"])
      })
    )
  )

  it.effect("is in the log with the number by which an operator finds it", () => {
    const lines: Array<string> = []
    const kept = Logger.layer([Logger.make((line) => void lines.push(String(line.message)))])
    return withWorker(
      {},
      Effect.gen(function* () {
        yield* (yield* MemoryQueue).publish("nonsense")
        yield* (yield* MemoryQueue).publish("more nonsense")
        yield* settle
        assert.deepStrictEqual(
          lines.flatMap((line) => /\(dead letter (\d+)\)/.exec(line)?.[1] ?? []),
          ["1", "2"]
        )
      })
    ).pipe(Effect.provide(kept))
  })

  it.effect("is a message that failed here as often as the setting says, for a reason that is ours", () =>
    withWorker(
      {
        controlPlane: failing(new Refused({ status: 422, body: "no" })),
        config: { deadLetterAfter: 3 }
      },
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* minutes(2)
        assert.deepStrictEqual(yield* tags, ["Retry", "Retry", "Discard"])
        const [letter] = yield* deadLetters
        assert.strictEqual(letter?.attempts, 3)
        assert.include(letter?.reason, "failed here 3 times")
      })
    )
  )

  it.effect("is never a message whose server is away, however long", () =>
    withWorker(
      { controlPlane: failing(new Unreachable({ detail: "refused" })), config: { deadLetterAfter: 2 } },
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* minutes(60)
        assert.deepStrictEqual(yield* tags, [])
        assert.deepStrictEqual(yield* deadLetters, [])
      })
    )
  )

  it.effect("is never a message whose command somebody else holds, however long", () =>
    withWorker(
      { config: { deadLetterAfter: 2 } },
      Effect.gen(function* () {
        const plane = yield* MemoryControlPlane
        const body = yield* plane.issue(aCommand())
        yield* plane.takeAway(aCommand().commandId, "another")
        yield* (yield* MemoryQueue).publish(body)
        yield* minutes(30)
        assert.isAbove((yield* tags).length, 20)
        assert.deepStrictEqual(yield* deadLetters, [])
      })
    )
  )

  it.effect("whose dead letter cannot be stored is kept and becomes one later", () => {
    const state = { refuse: true }
    const stubborn = Layer.effect(
      MessageQueue,
      Effect.map(MessageQueue, (queue) =>
        MessageQueue.of({
          ...queue,
          deliveries: (capacity) =>
            Stream.map(queue.deliveries(capacity), (delivery) => ({
              ...delivery,
              deadLetter: (note) =>
                state.refuse
                  ? Effect.fail(new QueueError({ reason: new Disconnected({ detail: "no stream" }) }))
                  : delivery.deadLetter(note)
            }))
        })
      )
    )
    return Effect.gen(function* () {
      yield* (yield* MemoryQueue).publish("nonsense")
      yield* settle
      assert.deepStrictEqual(yield* tags, ["Retry"])
      state.refuse = false
      yield* minutes(1)
      assert.deepStrictEqual(yield* tags, ["Retry", "Discard"])
      assert.strictEqual((yield* deadLetters).length, 1)
    }).pipe(
      Effect.provide(Worker.layer.pipe(Layer.provide(stubborn), Layer.provideMerge(TestWorker.world()))),
      Effect.scoped
    )
  })

  it("counts failures by command, and keeps a bounded number of counts", () => {
    const blame = makeFailureCounter()
    for (let n = 0; n < 20_000; n++) blame.add(aCommand(n + 1).commandId)
    assert.strictEqual(blame.add(aCommand(20_000).commandId), 2)
    assert.strictEqual(blame.add(aCommand(1).commandId), 1)
    blame.forget(aCommand(20_000).commandId)
    assert.strictEqual(blame.add(aCommand(20_000).commandId), 1)
  })
})

describe("A command that ended its worker twice", () => {
  /** One life of a worker over the journal: it dies in the middle of its commands, so nothing is unwound in the file. */
  const life = (path: string, ending: "dies" | "stops" | "lives", commands = [aCommand()], config = {}) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.gen(function* () {
        for (const command of commands) yield* TestWorker.submit(command)
        yield* settle
        if (ending === "stops") yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provide(yield* Layer.buildWithScope(Worker.layer, scope)))
      return {
        calls: (yield* (yield* StubCalls).calls).length,
        steps: (yield* (yield* StubCalls).calls).map(({ step }) => step),
        letters: yield* deadLetters,
        ending: yield* (yield* MemoryControlPlane).endingOf(aCommand().commandId)
      }
    }).pipe(
      Effect.provide(
        Layer.merge(
          TestWorker.world({
            answer: () => Effect.never,
            config: { drain: Duration.zero, ...config }
          }),
          SqliteJournal.layer(path)
        )
      )
    )

  const folder = Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "deadly-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )

  it.effect("is not run a third time: it is reported as failed, and its message becomes a dead letter", () =>
    Effect.gen(function* () {
      const path = yield* folder
      for (const _ of [1, 2]) {
        const { calls, letters } = yield* life(path, "dies")
        assert.deepStrictEqual([calls, letters.length], [1, 0])
      }
      const third = yield* life(path, "lives")
      assert.strictEqual(third.calls, 0)
      assert.match(third.letters[0]?.reason ?? "", /ended the process of its worker 2 times/)
      assert.strictEqual(third.ending?.status, "failed")
    }).pipe(Effect.scoped)
  )

  it.effect(
    "is not one that was in flight beside another: each of them runs alone next, and others after it",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        const commands = ["guilty", "bystander"].map((step, i) => aCommand(i + 1, { step }))
        const fresh = aCommand(3, { step: "fresh" })
        const all = yield* life(path, "dies", commands, { concurrency: 4 })
        assert.deepStrictEqual(all.steps, ["guilty", "bystander"])
        // Whatever comes, the first one has the worker for itself, and is charged with two deaths more.
        for (const _ of [1, 2]) {
          const { letters, steps } = yield* life(path, "dies", [...commands, fresh], { concurrency: 4 })
          assert.deepStrictEqual([steps, letters.length], [["guilty"], 0])
        }
        const last = yield* life(path, "lives", [...commands, fresh], { concurrency: 4 })
        assert.deepStrictEqual(last.steps, ["bystander"])
        assert.match(last.letters[0]?.reason ?? "", /ended the process of its worker 2 times/)
        assert.strictEqual(last.letters.length, 1)
      }).pipe(Effect.scoped)
  )

  it.effect("is not one that our shutdown stopped", () =>
    Effect.gen(function* () {
      const path = yield* folder
      for (const _ of [1, 2, 3, 4]) {
        const { calls, letters } = yield* life(path, "stops")
        assert.deepStrictEqual([calls, letters.length], [1, 0])
      }
    }).pipe(Effect.scoped)
  )
})
