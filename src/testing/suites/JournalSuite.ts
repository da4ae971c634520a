/** What every journal must do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Layer } from "effect"
import * as Outcome from "../../domain/Outcome.ts"
import { success } from "../../domain/ToolResult.ts"
import { Journal, type JournalError, type Limits } from "../../journal/Journal.ts"
import { aCommand } from "../aCommand.ts"

const ended = (value: number | bigint) => Outcome.ofResult(success({ value }))

/** `layerOf` makes a fresh journal with these limits for each test. */
export const suite = (
  name: string,
  layerOf: (limits: Limits) => Layer.Layer<Journal, JournalError>
): void => {
  const few: Limits = { unreported: 2, reported: 3 }
  const test = (sentence: string, body: Effect.Effect<void, JournalError, Journal>) =>
    it.effect(sentence, () => Effect.provide(body, layerOf(few)))

  describe(`${name} as a journal`, () => {
    test(
      "knows a command from the moment it was recorded, and that it was reported afterwards",
      Effect.gen(function* () {
        const journal = yield* Journal
        const { commandId, executionId } = aCommand()
        assert.isUndefined(yield* journal.find(commandId))
        yield* journal.record(aCommand(), ended(9_007_199_254_740_993n))
        const known = yield* journal.find(commandId)
        assert.strictEqual(known?._tag, "Unreported")
        if (known?._tag !== "Unreported") return
        assert.deepStrictEqual(known.entry.ending, ended(9_007_199_254_740_993n))
        assert.strictEqual(known.entry.command.executionId, executionId)
        yield* journal.markReported(commandId)
        assert.deepStrictEqual(yield* journal.find(commandId), { _tag: "Reported" })
        assert.deepStrictEqual(yield* journal.unreported, [])
      })
    )

    test(
      "keeps a new command waiting while it is full, and forgets no unreported outcome",
      Effect.gen(function* () {
        const journal = yield* Journal
        for (const n of [1, 2]) yield* journal.record(aCommand(n), ended(n))
        const waiting = yield* Effect.forkChild(journal.awaitCapacity, { startImmediately: true })
        yield* Effect.yieldNow
        assert.isUndefined(waiting.pollUnsafe())
        assert.strictEqual((yield* journal.unreported).length, 2)
        assert.strictEqual(yield* journal.unreportedCount, 2)
        yield* journal.markReported(aCommand(1).commandId)
        yield* Fiber.join(waiting)
        assert.strictEqual(yield* journal.unreportedCount, 1)
      })
    )

    test(
      "counts an outcome once, however often it is recorded and reported",
      Effect.gen(function* () {
        const journal = yield* Journal
        for (const n of [1, 2, 3]) yield* journal.record(aCommand(1), ended(n))
        assert.strictEqual(yield* journal.unreportedCount, 1)
        for (const _ of [1, 2]) yield* journal.markReported(aCommand(1).commandId)
        assert.strictEqual(yield* journal.unreportedCount, 0)
      })
    )
  })
}
