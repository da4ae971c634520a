/** What a worker does while a neighbour is away, and with answers that were lost. */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Duration, Effect, Exit, Fiber, Latch, Layer, Scope, Stream } from "effect"
import {
  ControlPlane,
  ControlPlaneError,
  Unreachable,
  Unsupported
} from "../../src/control-plane/ControlPlane.ts"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { success } from "../../src/domain/ToolResult.ts"
import { Journal, JournalError } from "../../src/journal/Journal.ts"
import * as SqliteJournal from "../../src/journal/SqliteJournal.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import { Disconnected, MessageQueue, QueueError, StreamMissing } from "../../src/queue/MessageQueue.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { StubCalls } from "../../src/testing/StubTool.ts"
import * as TestWorker from "../../src/testing/TestWorker.ts"
import type { Toolbox } from "../../src/tools/Toolbox.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { passes } from "../support/virtualTime.ts"

const unreachable = (operation: string) =>
  new ControlPlaneError({ operation, reason: new Unreachable({ detail: "connection reset" }) })

const lines = Effect.flatMap(MemoryControlPlane, (plane) =>
  Effect.map(plane.log, (log) => log.map(({ what }) => what).filter((what) => what !== "heartbeat"))
)
const settlements = Effect.flatMap(MemoryQueue, (queue) =>
  Effect.map(queue.settled, (all) => all.map(({ settlement }) => settlement._tag))
)
const calls = Effect.flatMap(StubCalls, ({ calls }) => Effect.map(calls, (all) => all.length))

/** A worker over a world that the test may change, in a scope that the test may close. */
const inWorld = <A, E>(
  world: Layer.Layer<TestWorker.World | Toolbox>,
  body: (stop: Effect.Effect<void>) => Effect.Effect<A, E, TestWorker.World | Worker | Scope.Scope>
) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Worker.layer, scope)
    return yield* body(Scope.close(scope, Exit.void)).pipe(Effect.provide(context))
  }).pipe(Effect.provide(world), Effect.scoped)

describe("A claim whose answer was lost", () => {
  it.effect("is asked again by the same worker, which holds the message and works the command", () => {
    const lost = { times: 3 }
    // The server books the claim, and the connection breaks before its answer.
    const world = TestWorker.world({
      controlPlane: {
        after: (operation) =>
          operation === "claim" && lost.times-- > 0 ? Effect.fail(unreachable(operation)) : Effect.void
      }
    })
    return inWorld(world, () =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* passes("30 seconds")
        assert.strictEqual((yield* lines).filter((what) => what === "claim").length, 4)
        assert.strictEqual(yield* calls, 1)
        assert.deepStrictEqual(yield* settlements, ["Ack"])
      })
    )
  })

  it.effect("goes back to the queue at a drain, after the worker has deregistered", () => {
    const world = TestWorker.world({
      controlPlane: {
        after: (operation) => (operation === "claim" ? Effect.fail(unreachable(operation)) : Effect.void)
      }
    })
    return inWorld(world, (stop) =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* passes("5 seconds")
        assert.deepStrictEqual(yield* settlements, [])
        yield* stop
        assert.strictEqual((yield* lines).at(-1), "deregister")
        assert.deepStrictEqual(yield* settlements, ["Retry"])
      })
    )
  })

  it.effect(
    "becomes a dead letter when a server that only messages name stays silent, and says that it may stand",
    () => {
      const stranger = "http://stranger.example"
      const world = TestWorker.world({
        config: { concurrency: 1, prefetch: 0 },
        controlPlane: {
          claimPatience: (serverUrl) => (serverUrl === stranger ? Duration.minutes(10) : Duration.infinity),
          before: (operation, command) =>
            operation === "claim" && command?.serverUrl === stranger
              ? Effect.fail(unreachable(operation))
              : Effect.void
        }
      })
      return inWorld(world, () =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand(1, { serverUrl: stranger }))
          yield* TestWorker.submit(aCommand(2))
          yield* passes("1 minute")
          // The other command does not wait for the silent server, although there is one slot.
          assert.strictEqual(yield* calls, 1)
          yield* passes("11 minutes")
          const [letter] = yield* (yield* MemoryQueue).deadLetters
          assert.match(letter?.reason ?? "", /stranger\.example gave no answer .* the claim may stand there/)
        })
      )
    }
  )
})

describe("One slot", () => {
  it.effect("is enough for a command with a retry that waits, and for the next command meanwhile", () => {
    const tries = { n: 0 }
    const config = {
      kind: "stub",
      spec: {
        policy: {
          rules: [
            { when: "{{ output.status == 'error' }}", then: { do: "retry", attempts: 5, delay: 10 } },
            { else: { then: { do: "continue" } } }
          ]
        }
      }
    }
    const failing = (call: { readonly step: string }) => {
      if (call.step !== "flaky") return Effect.succeed(success("other"))
      tries.n += 1
      return Effect.succeed(
        tries.n < 3
          ? {
              status: "error" as const,
              error: { kind: "connection" as const, message: "away", retryable: true }
            }
          : success("done")
      )
    }
    return inWorld(TestWorker.world({ config: { concurrency: 1, prefetch: 0 }, answer: failing }), () =>
      Effect.gen(function* () {
        const plane = yield* MemoryControlPlane
        yield* TestWorker.submit(aCommand(1, { step: "flaky", config }))
        yield* passes("1 second")
        yield* TestWorker.submit(aCommand(2, { step: "other" }))
        yield* passes("1 second")
        assert.deepStrictEqual(yield* plane.endingOf(aCommand(2).commandId), {
          status: "completed",
          value: "other"
        })
        yield* passes("30 seconds")
        assert.deepStrictEqual(yield* plane.endingOf(aCommand(1).commandId), {
          status: "completed",
          value: "done"
        })
        assert.strictEqual(tries.n, 3)
      })
    )
  })

  it.effect("is free for the next command while a report waits for the control plane", () => {
    const state = { away: true }
    const before = (operation: string) =>
      operation === "report Succeeded" && state.away
        ? Effect.repeat(Effect.sleep("1 second"), { until: () => !state.away })
        : Effect.void
    const world = TestWorker.world({
      config: { concurrency: 1, prefetch: 0 },
      controlPlane: { before: (operation) => Effect.asVoid(before(operation)) }
    })
    return inWorld(world, () =>
      Effect.gen(function* () {
        for (const n of [1, 2, 3]) yield* TestWorker.submit(aCommand(n))
        yield* passes("500 millis", "100 millis")
        // As many reports as there are slots give theirs back at once; the next one holds it for a second.
        assert.strictEqual(yield* calls, 2)
        yield* passes("10 seconds")
        assert.strictEqual(yield* calls, 3)
        assert.deepStrictEqual(yield* settlements, [])
        state.away = false
        yield* passes("5 seconds")
        assert.deepStrictEqual(yield* settlements, ["Ack", "Ack", "Ack"])
      })
    )
  })
})

describe("A queue that is away", () => {
  it.effect.each([
    ["cannot be reached", new Disconnected({ detail: "ECONNREFUSED" })],
    ["has no stream", new StreamMissing({ detail: "JetStream is not enabled" })]
  ] as const)(
    "for longer than any intensity window because it %s is waited for, and is used again",
    ([, reason]) => {
      const state = { away: true }
      const flaky = Layer.effect(
        MessageQueue,
        Effect.map(MessageQueue, (queue) =>
          MessageQueue.of({
            ...queue,
            deliveries: (capacity) =>
              Stream.unwrap(
                Effect.suspend(() =>
                  state.away
                    ? Effect.fail(new QueueError({ reason }))
                    : Effect.succeed(queue.deliveries(capacity))
                )
              )
          })
        )
      )
      return inWorld(Layer.provideMerge(flaky, TestWorker.world()), () =>
        Effect.gen(function* () {
          yield* TestWorker.submit(aCommand())
          yield* passes("3 hours", "10 seconds")
          const status = yield* (yield* Worker).status
          assert.deepStrictEqual(
            status.children.map(({ restarts, state }) => [state, restarts]),
            status.children.map(() => ["running", 0])
          )
          state.away = false
          yield* passes("20 seconds")
          assert.deepStrictEqual(yield* settlements, ["Ack"])
        })
      )
    }
  )
})

describe("A journal that cannot be read", () => {
  it.effect("does not end the reporter, however often it is asked", () => {
    const broken = Layer.effect(
      Journal,
      Effect.map(Journal, (journal) =>
        Journal.of({ ...journal, unreported: Effect.fail(new JournalError({ detail: "disk I/O error" })) })
      )
    )
    return inWorld(Layer.provideMerge(broken, TestWorker.world()), () =>
      Effect.gen(function* () {
        yield* passes("30 minutes", "5 seconds")
        const { children } = yield* (yield* Worker).status
        assert.isTrue(children.every(({ restarts }) => restarts === 0))
      })
    )
  })

  it.effect("reports a command as failed, without running it, when its recorded outcome is lost", () => {
    const lost = Layer.effect(
      Journal,
      Effect.map(Journal, (journal) =>
        Journal.of({ ...journal, find: () => Effect.succeed({ _tag: "Unreadable", detail: "not JSON" }) })
      )
    )
    return inWorld(Layer.provideMerge(lost, TestWorker.world()), () =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        yield* passes("1 second")
        assert.strictEqual(yield* calls, 0)
        const ending = yield* (yield* MemoryControlPlane).endingOf(aCommand().commandId)
        assert.strictEqual(ending?.status, "failed")
        assert.match(ending?.status === "failed" ? ending.error : "", /cannot be read .* not run again/)
        assert.deepStrictEqual(yield* settlements, ["Ack"])
      })
    )
  })
})

describe("The heartbeat", () => {
  it.effect("is sent by a worker whose leases are held in process", () =>
    inWorld(TestWorker.world({ config: { heartbeatEvery: Duration.seconds(15) } }), () =>
      Effect.gen(function* () {
        yield* passes("1 minute")
        const log = yield* (yield* MemoryControlPlane).log
        assert.strictEqual(log.filter(({ what }) => what === "heartbeat").length, 4)
        assert.strictEqual((yield* ControlPlane).name, "memory")
      })
    )
  )
})

describe("A server of another generation", () => {
  it.effect("ends the worker with the reason, without a claim", () => {
    const reason = new Unsupported({ detail: "http://x is the Rust server" })
    const world = TestWorker.world({
      controlPlane: {
        before: (operation) =>
          operation === "register" ? Effect.fail(new ControlPlaneError({ operation, reason })) : Effect.void
      }
    })
    return inWorld(world, () =>
      Effect.gen(function* () {
        yield* TestWorker.submit(aCommand())
        const joined = yield* Effect.forkChild(Effect.flip((yield* Worker).join), { startImmediately: true })
        yield* passes("1 minute")
        const error = yield* Fiber.join(joined)
        assert.match(error.message, /the Rust server/)
        assert.notInclude(yield* lines, "claim")
      })
    )
  })
})

describe("200 commands that only wait", () => {
  /** A step that fails once with a delay of an hour before its retry. */
  const waiting = {
    kind: "stub",
    spec: {
      policy: {
        rules: [{ when: "{{ output.status == 'error' }}", then: { do: "retry", attempts: 2, delay: 3600 } }]
      }
    }
  }
  const answer = (call: { readonly step: string }) =>
    Effect.succeed(
      call.step === "fresh"
        ? success("fresh")
        : {
            status: "error" as const,
            error: { kind: "connection" as const, message: "away", retryable: true }
          }
    )
  /** A queue that lets its holders have 64 messages, as a shared durable does. */
  const limited = Layer.effect(
    MessageQueue,
    Effect.map(MessageQueue, (queue) => {
      const held = { count: 0 }
      return MessageQueue.of({
        ...queue,
        deliveries: (capacity) =>
          queue
            .deliveries({
              ...capacity,
              acquire: (most) =>
                Effect.repeat(Effect.delay(Effect.void, "100 millis"), { until: () => held.count < 64 }).pipe(
                  Effect.andThen(capacity.acquire(most))
                )
            })
            .pipe(
              Stream.map((delivery) => {
                held.count += 1
                const state = { settled: false }
                return {
                  ...delivery,
                  settle: (settlement) =>
                    Effect.suspend(() => {
                      if (!state.settled) held.count -= 1
                      state.settled = true
                      return delivery.settle(settlement)
                    })
                }
              })
            )
      })
    })
  )
  const worldWith = (path: string | undefined, republishesOrphans: boolean, registered = Effect.void) => {
    const before = (operation: string) => (operation === "register" ? registered : Effect.void)
    const base = TestWorker.world({ answer, controlPlane: { before, republishesOrphans } })
    const journal = path === undefined ? Journal.layerMemory() : Layer.orDie(SqliteJournal.layer(path))
    return Layer.mergeAll(limited, journal).pipe(Layer.provideMerge(base))
  }
  const submitAll = Effect.gen(function* () {
    for (let n = 1; n <= 200; n++) yield* TestWorker.submit(aCommand(n, { step: "waits", config: waiting }))
    yield* passes("2 minutes", "500 millis")
    yield* TestWorker.submit(aCommand(201, { step: "fresh" }))
    yield* passes("2 seconds")
    return yield* (yield* MemoryControlPlane).endingOf(aCommand(201).commandId)
  })

  it.effect(
    "let a fresh one start within two seconds, with a journal on disk and a server that publishes again",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        yield* inWorld(worldWith(path, true), (stop) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* submitAll, { status: "completed", value: "fresh" })
            yield* stop
          })
        )
        // The next start of this worker takes the waiting ones up, without a message.
        const issued = yield* Latch.make()
        yield* inWorld(worldWith(path, true, issued.await), () =>
          Effect.gen(function* () {
            const plane = yield* MemoryControlPlane
            for (let n = 1; n <= 200; n++) yield* plane.issue(aCommand(n, { step: "fresh" }))
            yield* issued.open
            yield* passes("1 minute")
            for (const n of [1, 100, 200])
              assert.strictEqual((yield* plane.endingOf(aCommand(n).commandId))?.status, "completed")
          })
        )
      }).pipe(Effect.scoped)
  )

  it.effect.each([
    ["in memory", false, true],
    ["on disk, for a server that publishes nothing again,", true, false]
  ] as const)("keep their messages with a journal %s", ([, onDisk, republishes]) =>
    Effect.gen(function* () {
      const path = onDisk ? yield* folder : undefined
      yield* inWorld(worldWith(path, republishes), () =>
        Effect.gen(function* () {
          assert.isUndefined(yield* submitAll)
          assert.deepStrictEqual(yield* settlements, [])
        })
      )
    }).pipe(Effect.scoped)
  )
})

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "outages-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
