import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Exit } from "effect"
import { Busy, ControlPlaneError, Refused, Unreachable } from "../../src/control-plane/ControlPlane.ts"
import { AlreadyDone, HeldElsewhere, Rejected, RetryLater } from "../../src/domain/Claim.ts"
import { type JobExit, settlementOf } from "../../src/job/settlementOf.ts"

const context = {
  attempt: 1,
  republishes: false,
  heldRetry: { first: Duration.seconds(5), last: Duration.seconds(60) }
}
const held = HeldElsewhere({ owner: "w2", retryAfter: undefined })
const failed = (reason: ControlPlaneError["reason"]) =>
  Exit.fail(new ControlPlaneError({ operation: "claim", reason }))

const rows: ReadonlyArray<
  readonly [string, Exit.Exit<JobExit, ControlPlaneError>, Partial<typeof context>, string]
> = [
  ["reported", Exit.succeed({ _tag: "Reported" }), {}, "Ack"],
  ["already done", Exit.succeed(AlreadyDone({ reason: "already_terminal" })), {}, "Ack"],
  ["held elsewhere, first time", Exit.succeed(held), {}, "Retry 5 s, no failure"],
  ["held elsewhere, third time", Exit.succeed(held), { attempt: 3 }, "Retry 20 s, no failure"],
  ["held elsewhere, hundredth time", Exit.succeed(held), { attempt: 100 }, "Retry 60 s, no failure"],
  [
    "held elsewhere, and the server asks for longer",
    Exit.succeed(HeldElsewhere({ owner: "w2", retryAfter: Duration.seconds(9) })),
    {},
    "Retry 9 s, no failure"
  ],
  [
    "held elsewhere, a first delivery from a server that republishes",
    Exit.succeed(held),
    { republishes: true },
    "Ack"
  ],
  [
    "held elsewhere, a redelivery from a server that republishes",
    Exit.succeed(held),
    { republishes: true, attempt: 2 },
    "Retry 10 s, no failure"
  ],
  ["running here", Exit.succeed({ _tag: "RunningHere" }), {}, "Retry 5 s, no failure"],
  [
    "retry later, with a time",
    Exit.succeed(RetryLater({ after: Duration.seconds(3), reason: "busy" })),
    {},
    "Retry 3 s, failure"
  ],
  [
    "retry later, without a time",
    Exit.succeed(RetryLater({ after: undefined, reason: "busy" })),
    { attempt: 2 },
    "Retry 4 s, failure"
  ],
  [
    "retry later, the server is away",
    Exit.succeed(RetryLater({ after: undefined, reason: "HTTP 503", away: true })),
    {},
    "Retry 2 s, no failure"
  ],
  ["ended its worker before", Exit.succeed({ _tag: "Poisoned", reason: "twice" }), {}, "Discard"],
  ["rejected", Exit.succeed(Rejected({ reason: "no such command" })), {}, "Discard"],
  [
    "stopped for the shutdown",
    Exit.succeed({ _tag: "Stopped", why: "Shutdown" }),
    {},
    "Retry 0 s, no failure"
  ],
  [
    "stopped, the lease was lost",
    Exit.succeed({ _tag: "Stopped", why: "LeaseLost" }),
    {},
    "Retry 5 s, no failure"
  ],
  ["stopped, cancelled", Exit.succeed({ _tag: "Stopped", why: "Cancelled" }), {}, "Ack"],
  ["unreachable", failed(new Unreachable({ detail: "refused" })), {}, "Retry 2 s, no failure"],
  [
    "unreachable, again and again",
    failed(new Unreachable({ detail: "refused" })),
    { attempt: 9 },
    "Retry 30 s, no failure"
  ],
  ["busy, with a time", failed(new Busy({ detail: "503", retryAfter: 7000 })), {}, "Retry 7 s, no failure"],
  ["refused report", failed(new Refused({ status: 500, body: "" })), {}, "Retry 2 s, failure"],
  ["a defect of ours", Exit.failCause(Cause.die(new Error("bug"))), {}, "Retry 2 s, failure"],
  ["interrupted by the shutdown", Exit.failCause(Cause.interrupt(1)), {}, "Retry 0 s, no failure"]
]

describe("settlementOf", () => {
  it.each(rows)("%s", (_name, exit, more, expected) => {
    const settlement = settlementOf(exit, { ...context, ...more })
    const said =
      settlement._tag === "Retry"
        ? `Retry ${Duration.toSeconds(settlement.after)} s, ${settlement.countsAsFailure ? "failure" : "no failure"}`
        : settlement._tag
    assert.strictEqual(said, expected)
  })
})
