/** Answers that are no success, as errors: without the secrets that they may repeat. */
import { Exit } from "effect"
import * as Json from "../../domain/Json.ts"
import { shortenedBy, type TextMask } from "../../domain/OutputMask.ts"
import { Busy, ControlPlaneError, Refused, Unreachable } from "../ControlPlane.ts"
import type { Answer, Answered } from "./HttpJson.ts"

/** The error that an answer is which is not what was hoped for. */
export const errorOf = (operation: string, answer: Answer): ControlPlaneError => {
  const shown = answer.shown ?? "an error"
  const detail = `HTTP ${answer.status}: ${shown}`
  return new ControlPlaneError({
    operation,
    reason: busyStatuses.has(answer.status)
      ? new Busy({ detail, retryAfter: answer.retryAfter })
      : answer.status >= 500
        ? new Unreachable({ detail })
        : new Refused({ status: answer.status, body: shown })
  })
}

const busyStatuses: ReadonlySet<number> = new Set([408, 425, 429, 503])

/** A server's error may repeat what it was asked, or the secret that it was asked for. */
export const withShown = (answered: Answered, maskOf: () => TextMask): Answered => {
  if (Exit.isFailure(answered) || answered.value.status < 300) return answered
  const { body } = answered.value
  const text = typeof body === "string" ? body : Json.stringify(body)
  return Exit.succeed({ ...answered.value, shown: shortenedBy(maskOf(), text, 500) })
}
