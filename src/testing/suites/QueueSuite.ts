/** What every queue must do. Give it a layer with the queue and a way to publish; it runs on the real clock. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Fiber, type Layer, Option, Stream } from "effect"
import { type DeadLetterNote, type Delivery, MessageQueue, Settlement } from "../../queue/MessageQueue.ts"
import * as Capacity from "../../worker/Capacity.ts"

/** The other end of the queue under test. */
export class Publisher extends Context.Service<
  Publisher,
  {
    readonly publish: (body: string) => Effect.Effect<void>
    /** The published text in a delivered body; absent where the body is that text. */
    readonly read?: (body: string) => string
    /** What was parked, oldest first. */
    readonly deadLetters: Effect.Effect<ReadonlyArray<DeadLetterNote & { readonly body: string }>>
  }
>()("noetl-worker/testing/Publisher") {}

/** `layer` is built afresh for each test, with a lease of about a second. */
export const suite = <E>(name: string, layer: Layer.Layer<MessageQueue | Publisher, E>): void => {
  const test = (sentence: string, body: Effect.Effect<void, unknown, MessageQueue | Publisher>) =>
    it.live(sentence, () => body.pipe(Effect.provide(layer), Effect.timeout("20 seconds")))

  describe.concurrent(`${name} as a queue`, () => {
    test(
      "delivers what was published, once, when it is acknowledged",
      Effect.gen(function* () {
        yield* publish("a", "b", "c")
        const got = yield* take(3)
        yield* settleAll(got, Settlement.Ack())
        assert.deepStrictEqual((yield* read(got)).toSorted(), ["a", "b", "c"])
        assert.deepStrictEqual(
          got.map((d) => d.attempt),
          [1, 1, 1]
        )
        assert.isTrue(Option.isNone(yield* takeWithin("2500 millis")))
      })
    )

    test(
      "tells how many wait and since when, and what was taken does not",
      Effect.gen(function* () {
        const queue = yield* MessageQueue
        const before = yield* Clock.currentTimeMillis
        yield* publish("first")
        yield* Effect.sleep("300 millis")
        yield* publish("second")
        const [first] = yield* take(1)
        const one = yield* queue.waiting
        assert.strictEqual(one?.count, 1)
        assert.isAtLeast(one?.oldestAt ?? 0, before + 250)
        assert.isAtMost(first?.publishedAt ?? Infinity, (one?.oldestAt ?? 0) - 250)
        const [second] = yield* take(1)
        const none = yield* queue.waiting
        assert.deepStrictEqual([none?.count, none?.oldestAt], [0, undefined])
        yield* settleAll([first!, second!], Settlement.Ack())
      })
    )

    test(
      "delivers again after a retry, with the attempts counted",
      Effect.gen(function* () {
        yield* publish("again")
        const [first] = yield* take(1)
        yield* first!.settle(Settlement.Retry({ after: Duration.zero, countsAsFailure: true }))
        const [second] = yield* take(1)
        assert.deepStrictEqual([...(yield* read([second!])), second!.attempt], ["again", 2])
        yield* second!.settle(Settlement.Ack())
      })
    )

    test(
      "waits with a retry as long as it was told",
      Effect.gen(function* () {
        yield* publish("later")
        const [first] = yield* take(1)
        yield* first!.settle(Settlement.Retry({ after: Duration.millis(900), countsAsFailure: false }))
        assert.isTrue(Option.isNone(yield* takeWithin("500 millis")))
        const [second] = yield* take(1)
        assert.strictEqual(second!.attempt, 2)
        yield* second!.settle(Settlement.Ack())
      })
    )

    test(
      "never delivers again what was discarded",
      Effect.gen(function* () {
        yield* publish("no good")
        const [first] = yield* take(1)
        yield* first!.settle(Settlement.Discard({ reason: "not a notification" }))
        assert.isTrue(Option.isNone(yield* takeWithin("2500 millis")))
      })
    )

    test(
      "keeps a dead letter with its reason before the message is discarded",
      Effect.gen(function* () {
        const note = {
          reason: "no notification:\nnot JSON – ü",
          attempts: 3,
          at: "2026-01-02T03:04:05Z",
          worker: "w1"
        }
        yield* publish("no good: ü")
        const [first] = yield* take(1)
        yield* first!.deadLetter(note)
        const [letter] = yield* (yield* Publisher).deadLetters
        yield* first!.settle(Settlement.Discard({ reason: note.reason }))
        assert.strictEqual(letter!.body, "no good: ü")
        assert.match(letter!.reason, /^no notification:\snot JSON . .$/)
        assert.deepStrictEqual([letter!.attempts, letter!.at, letter!.worker], [3, note.at, "w1"])
      })
    )

    test(
      "delivers again when the lease runs out",
      Effect.gen(function* () {
        yield* publish("slow")
        yield* take(1)
        const [second] = yield* take(1)
        assert.deepStrictEqual([...(yield* read([second!])), second!.attempt], ["slow", 2])
        yield* second!.settle(Settlement.Ack())
      })
    )

    test(
      "keeps a delivery with its holder as long as the lease is extended",
      Effect.gen(function* () {
        yield* publish("kept")
        const [first] = yield* take(1)
        const pace = Duration.times(first!.lease.duration, 0.4)
        const extending = yield* Effect.forkChild(
          Effect.forever(Effect.andThen(Effect.sleep(pace), first!.lease.extend))
        )
        assert.isTrue(Option.isNone(yield* takeWithin("2500 millis")))
        yield* Fiber.interrupt(extending)
        yield* first!.settle(Settlement.Ack())
        assert.isTrue(Option.isNone(yield* takeWithin("1500 millis")))
      })
    )

    test(
      "takes only the first settlement of a delivery",
      Effect.gen(function* () {
        yield* publish("once")
        const [first] = yield* take(1)
        yield* first!.settle(Settlement.Ack())
        yield* first!.settle(Settlement.Retry({ after: Duration.zero, countsAsFailure: true }))
        assert.isTrue(Option.isNone(yield* takeWithin("1500 millis")))
      })
    )

    test(
      "fetches no more than there is capacity for",
      Effect.gen(function* () {
        const queue = yield* MessageQueue
        yield* publish("1", "2", "3", "4")
        const capacity = yield* Capacity.make(2)
        const seen: Array<Delivery> = []
        const reader = yield* Effect.forkChild(
          Stream.runForEach(queue.deliveries(capacity), (d) => Effect.sync(() => void seen.push(d)))
        )
        yield* until(() => seen.length === 2)
        yield* Effect.sleep("300 millis")
        assert.strictEqual(seen.length, 2)
        yield* settleAll(seen, Settlement.Ack())
        yield* capacity.release(2)
        yield* until(() => seen.length === 4)
        yield* settleAll(seen, Settlement.Ack())
        yield* Fiber.interrupt(reader)
      })
    )

    test(
      "says that it is connected while it delivers",
      Effect.gen(function* () {
        yield* publish("x")
        const [first] = yield* take(1)
        yield* first!.settle(Settlement.Ack())
        assert.isTrue(yield* (yield* MessageQueue).connected)
      })
    )
  })
}

// --- helpers ---

const publish = (...bodies: ReadonlyArray<string>) =>
  Effect.flatMap(Publisher, (publisher) => Effect.forEach(bodies, publisher.publish, { discard: true }))

/** The texts as they were published. */
const read = (deliveries: ReadonlyArray<Delivery>) =>
  Effect.map(Publisher, (publisher) => deliveries.map(({ body }) => publisher.read?.(body) ?? body))

/** Takes with exactly as much capacity, so that nothing else is in flight afterwards. */
const take = Effect.fnUntraced(function* (n: number) {
  const queue = yield* MessageQueue
  const capacity = yield* Capacity.make(n)
  return yield* queue.deliveries(capacity).pipe(Stream.take(n), Stream.runCollect)
})

const takeWithin = (duration: Duration.Input) => take(1).pipe(Effect.timeoutOption(duration))

const settleAll = (deliveries: ReadonlyArray<Delivery>, settlement: Settlement) =>
  Effect.forEach(deliveries, (delivery) => delivery.settle(settlement), { discard: true })

const until = (condition: () => boolean) =>
  Effect.sleep("10 millis").pipe(Effect.repeat({ until: () => Effect.sync(condition) }))
