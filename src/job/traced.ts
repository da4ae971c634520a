/** The span and the log annotations of a job. They cost nothing while no tracer takes spans. */
import { Effect, Option, type Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"
import type { Notification } from "../domain/Notification.ts"
import * as Spans from "../telemetry/spans.ts"

type Around = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>>

export const make: Effect.Effect<(notification: Notification, attempt: number) => Around> = Effect.map(
  Spans.areTaken,
  (enabled) => (notification, attempt) => {
    const annotated: Around = Effect.annotateLogs({
      execution: notification.executionId,
      command: notification.commandId,
      step: notification.step,
      attempt
    }) as Around
    return enabled ? (effect) => annotated(spanned(notification)(effect)) : annotated
  }
)

const spanned = (notification: Notification): Around =>
  Effect.withSpan(
    "command",
    {
      attributes: {
        "noetl.command": notification.commandId,
        "noetl.execution": notification.executionId,
        "noetl.step": notification.step
      },
      parent: traceParent(notification.traceparent),
      kind: "consumer"
    },
    { captureStackTrace: false }
  )

/** The span that a message belongs to, from its W3C `traceparent`; undefined where there is none that reads. */
export const traceParent = (traceparent: string | undefined): Tracer.ExternalSpan | undefined =>
  traceparent === undefined
    ? undefined
    : Option.getOrUndefined(HttpTraceContext.w3c(Headers.fromInput({ traceparent: traceparent.trim() })))
