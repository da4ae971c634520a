import { assert, describe, it } from "@effect/vitest"
import { admit, type Circuit, closed, learn, type Verdict } from "../../../src/tools/breaker/Circuit.ts"

const settings = { failures: 3, openMs: 1000, longestMs: 8000 }
const now = 100_000
const failure: Verdict = { _tag: "failure", retryAfterMs: undefined }
const askedFor = (retryAfterMs: number): Verdict => ({ _tag: "failure", retryAfterMs })
const success: Verdict = { _tag: "success" }
const ignored: Verdict = { _tag: "ignored" }
const failing = (failures: number): Circuit => ({ state: "closed", failures, openings: 0 })
const open = (lasts: number, openings: number): Circuit => ({ state: "open", until: now + lasts, openings })
const halfOpen = (openings: number): Circuit => ({ state: "half-open", openings })

describe("A circuit", () => {
  it.each<[string, Circuit, boolean, Verdict, Circuit]>([
    ["counts a failure", failing(0), false, failure, failing(1)],
    ["opens with the last failure it bears", failing(2), false, failure, open(1000, 1)],
    ["forgets failures after a success", failing(2), false, success, closed],
    ["learns nothing from a call that did not get there", failing(2), false, ignored, failing(2)],
    ["opens for as long as it was asked to", failing(2), false, askedFor(5000), open(5000, 1)],
    ["opens for no longer than its limit", failing(2), false, askedFor(3_600_000), open(8000, 1)],
    ["stays open whatever an earlier call says", open(500, 1), false, success, open(500, 1)],
    ["stays half-open whatever an earlier call says", halfOpen(1), false, failure, halfOpen(1)],
    ["closes when the probe is well", halfOpen(3), true, success, closed],
    ["opens for twice as long when the probe fails", halfOpen(1), true, failure, open(2000, 2)],
    ["opens for no longer than its limit after many probes", halfOpen(40), true, failure, open(8000, 41)],
    ["lets another one probe when the probe was interrupted", halfOpen(2), true, ignored, open(0, 2)]
  ])("%s", (_, before, probe, verdict, after) => {
    assert.deepStrictEqual(learn(settings, before, probe, verdict, now), after)
  })

  it.each<[string, Circuit, ReturnType<typeof admit>]>([
    ["lets a call through while closed", failing(2), { _tag: "run", next: failing(2) }],
    ["refuses while open", open(700, 1), { _tag: "refused", waitMs: 700 }],
    ["lets one call probe when the time is over", open(0, 2), { _tag: "probe", next: halfOpen(2) }],
    ["refuses the others while one probes", halfOpen(2), { _tag: "refused", waitMs: 1000 }]
  ])("%s", (_, circuit, admission) => {
    assert.deepStrictEqual(admit(circuit, now), admission)
  })
})
