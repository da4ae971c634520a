/** The stages of a job with the services that they use, looked up once. */
import { Effect } from "effect"
import * as Attempt from "./attempt.ts"
import * as Claim from "./claim.ts"
import * as Deliver from "./deliver.ts"
import type { JobServices } from "./JobSlot.ts"
import * as Redact from "./redactAndOffload.ts"
import * as Settle from "./settle.ts"
import type { JobExit } from "./settlementOf.ts"
import * as Traced from "./traced.ts"

export const stagesOf = Effect.fnUntraced(function* (services: JobServices) {
  return {
    claim: yield* Claim.make(services),
    attempt: yield* Attempt.make(services),
    redactAndOffload: yield* Redact.make,
    deliver: yield* Deliver.make,
    settle: yield* Settle.make(services),
    traced: yield* Traced.make
  }
})

/** The exit of a message that is not a notification. */
export const undecodable = (detail: string) => Effect.succeed<JobExit>({ _tag: "Undecodable", detail })

/** The exit of a delivery whose command is in flight here already. */
export const running = Effect.succeed<JobExit>({ _tag: "RunningHere" })
