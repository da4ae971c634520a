/** The span that a message belongs to, from its W3C `traceparent`; undefined where there is none that reads. */
import { Option, type Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"

export const traceParent = (traceparent: string | undefined): Tracer.ExternalSpan | undefined =>
  traceparent === undefined
    ? undefined
    : Option.getOrUndefined(HttpTraceContext.w3c(Headers.fromInput({ traceparent: traceparent.trim() })))
