import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Exit } from "effect"
import { Busy, ControlPlaneError, Refused, Unreachable } from "../../src/control-plane/ControlPlane.ts"
import { AlreadyDone, HeldElsewhere, Rejected, RetryLater } from "../../src/domain/Claim.ts"
import { type JobEnd, settlementOf } from "../../src/job/settlementOf.ts"

const context = {
  attempt: 1,
  repairs: false,
  heldRetry: { first: Duration.seconds(5), last: Duration.seconds(60) }
}
const held = HeldElsewhere({ owner: "w2", retryAfter: undefined })
const failed = (reason: ControlPlaneError["reason"]) =>
  Exit.fail(new ControlPlaneError({ operation: "claim", reason }))

const rows: ReadonlyArray<
  readonly [string, Exit.Exit<JobEnd, ControlPlaneError>, Partial<typeof context>, string]
> = [
  ["reported", Exit.succeed({ _tag: "Reported" }), {}, "Ack"],
  ["already done", Exit.succeed(AlreadyDone({ reason: "already_terminal" })), {}, "Ack"],
  ["held elsewhere, first time", Exit.succeed(held), {}, "Retry 5 s, no blame"],
  ["held elsewhere, third time", Exit.succeed(held), { attempt: 3 }, "Retry 20 s, no blame"],
  ["held elsewhere, hundredth time", Exit.succeed(held), { attempt: 100 }, "Retry 60 s, no blame"],
  [
    "held elsewhere, and the server asks for longer",
    Exit.succeed(HeldElsewhere({ owner: "w2", retryAfter: Duration.seconds(9) })),
    {},
    "Retry 9 s, no blame"
  ],
  [
    "held elsewhere, a first delivery from a server that repairs",
    Exit.succeed(held),
    { repairs: true },
    "Ack"
  ],
  [
    "held elsewhere, a redelivery from a server that repairs",
    Exit.succeed(held),
    { repairs: true, attempt: 2 },
    "Retry 10 s, no blame"
  ],
  ["running here", Exit.succeed({ _tag: "RunningHere" }), {}, "Retry 5 s, no blame"],
  [
    "retry later, with a time",
    Exit.succeed(RetryLater({ after: Duration.seconds(3), reason: "busy" })),
    {},
    "Retry 3 s, blame"
  ],
  [
    "retry later, without a time",
    Exit.succeed(RetryLater({ after: undefined, reason: "busy" })),
    { attempt: 2 },
    "Retry 4 s, blame"
  ],
  [
    "retry later, the server is away",
    Exit.succeed(RetryLater({ after: undefined, reason: "HTTP 503", away: true })),
    {},
    "Retry 2 s, no blame"
  ],
  ["ended its worker before", Exit.succeed({ _tag: "Deadly", reason: "twice" }), {}, "Discard"],
  ["rejected", Exit.succeed(Rejected({ reason: "no such command" })), {}, "Discard"],
  ["stopped for the shutdown", Exit.succeed({ _tag: "Stopped", why: "Shutdown" }), {}, "Retry 0 s, no blame"],
  [
    "stopped, the lease was lost",
    Exit.succeed({ _tag: "Stopped", why: "LeaseLost" }),
    {},
    "Retry 5 s, no blame"
  ],
  ["stopped, cancelled", Exit.succeed({ _tag: "Stopped", why: "Cancelled" }), {}, "Ack"],
  ["unreachable", failed(new Unreachable({ detail: "refused" })), {}, "Retry 2 s, no blame"],
  [
    "unreachable, again and again",
    failed(new Unreachable({ detail: "refused" })),
    { attempt: 9 },
    "Retry 30 s, no blame"
  ],
  ["busy, with a time", failed(new Busy({ detail: "503", retryAfter: 7000 })), {}, "Retry 7 s, no blame"],
  ["refused report", failed(new Refused({ status: 500, body: "" })), {}, "Retry 2 s, blame"],
  ["a defect of ours", Exit.failCause(Cause.die(new Error("bug"))), {}, "Retry 2 s, blame"],
  ["interrupted outside the execution", Exit.failCause(Cause.interrupt(1)), {}, "Retry 2 s, no blame"]
]

describe("settlementOf", () => {
  it.each(rows)("%s", (_name, exit, more, expected) => {
    const settlement = settlementOf(exit, { ...context, ...more })
    const said =
      settlement._tag === "Retry"
        ? `Retry ${Duration.toSeconds(settlement.after)} s, ${settlement.blame ? "blame" : "no blame"}`
        : settlement._tag
    assert.strictEqual(said, expected)
  })
})
