import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { isObject, parse, stringify } from "../../src/domain/Json.ts"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { traceParent } from "../../src/job/traced.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import * as TestWorker from "../../src/testing/TestWorker.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
const settle = TestClock.adjust(0).pipe(Effect.andThen(Effect.yieldNow), Effect.repeat({ times: 50 }))

describe("A command's span", () => {
  it.effect("goes on with the trace that its message belongs to", () => {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function* () {
      const body = yield* (yield* MemoryControlPlane).issue(aCommand())
      const parsed = parse(body)
      const message = parsed._tag === "Success" && isObject(parsed.success) ? parsed.success : {}
      yield* (yield* MemoryQueue).publish(stringify({ ...message, trace: { traceparent } }))
      yield* settle
      const job = spans.find(({ name }) => name === "command")
      assert.strictEqual(job?.traceId, traceId)
      assert.strictEqual(Option.getOrUndefined(job?.parent ?? Option.none())?.spanId, "00f067aa0ba902b7")
      assert.include(
        spans.filter((span) => span.traceId === traceId).map(({ name }) => name),
        "tool"
      )
    }).pipe(Effect.provide(TestWorker.layer().pipe(Layer.provide(Layer.succeed(Tracer.Tracer, tracer)))))
  })

  it.each([
    "",
    "nonsense",
    "00-0-0-0",
    `99-${traceId}-00f067aa0ba902b7-01`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`
  ])("begins a trace of its own where the message says %j", (text) => {
    assert.isUndefined(traceParent(text))
  })
})
