import { assert, describe, it } from "@effect/vitest"
import { awayLines } from "../../src/async/awayLines.ts"

const outage = { neighbour: "the queue (nats://a:4222)", consequence: "start NATS" }

/** The seconds at which a failure every ten seconds gives a line. */
const linesOf = (seconds: number) => {
  const lines = awayLines(outage)
  return Array.from({ length: seconds / 10 + 1 }, (_, i) => i * 10).flatMap((second) => {
    const line = lines.failed("ECONNREFUSED", second * 1000)
    return line === undefined ? [] : [[second, line] as const]
  })
}

describe("An outage in the log", () => {
  it("begins with one line that names the neighbour, its address, why, and what to do", () => {
    assert.deepStrictEqual(linesOf(0), [[0, "the queue (nats://a:4222) is away: ECONNREFUSED; start NATS"]])
  })

  it("gets its next lines after ever longer pauses, with how long it lasts", () => {
    const lines = linesOf(3600)
    assert.deepStrictEqual(
      lines.map(([second]) => second),
      [0, 60, 180, 420, 900, 1800, 2700, 3600]
    )
    assert.include(lines[1]?.[1], "is away for 60 s: ")
  })

  it("is another one after an answer, or after a call that ran for long", () => {
    const lines = awayLines(outage)
    assert.isDefined(lines.failed("a", 0))
    assert.isUndefined(lines.failed("b", 1_000))
    lines.answered()
    assert.include(lines.failed("c", 2_000), "is away: c")
    assert.include(lines.failed("d", 200_000), "is away: d")
  })
})
