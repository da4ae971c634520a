import { assert, describe, it, vi } from "vitest"
import { microBatch } from "../../src/async/microBatch.ts"

/** Timers and immediates by hand. */
const byHand = (
  body: (sent: ReadonlyArray<ReadonlyArray<string>>, batch: ReturnType<typeof microBatch<string>>) => void
) => {
  vi.useFakeTimers({ toFake: ["setImmediate", "setTimeout", "clearTimeout"] })
  try {
    const sent: Array<ReadonlyArray<string>> = []
    body(
      sent,
      microBatch<string>((items) => sent.push(items))
    )
  } finally {
    vi.useRealTimers()
  }
}

describe("A micro batch", () => {
  it("sends together what came in one turn of the event loop", () =>
    byHand((sent, batch) => {
      batch.enqueue("a")
      batch.enqueue("b")
      assert.deepStrictEqual(sent, [])
      vi.advanceTimersByTime(0)
      batch.enqueue("c")
      vi.advanceTimersByTime(0)
      assert.deepStrictEqual(sent, [["a", "b"], ["c"]])
    }))

  it("lets an item that may wait travel with the next batch", () =>
    byHand((sent, batch) => {
      batch.enqueueLazily("a")
      batch.enqueue("b")
      vi.advanceTimersByTime(0)
      assert.deepStrictEqual(sent, [["a", "b"]])
      vi.advanceTimersByTime(1000)
      assert.strictEqual(sent.length, 1)
    }))

  it("sends an item that may wait after 50 ms without a batch", () =>
    byHand((sent, batch) => {
      batch.enqueueLazily("a")
      vi.advanceTimersByTime(49)
      assert.deepStrictEqual(sent, [])
      vi.advanceTimersByTime(1)
      assert.deepStrictEqual(sent, [["a"]])
    }))
})
