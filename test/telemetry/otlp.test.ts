import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted, References, Schema } from "effect"
import { isObject, parse, stringify } from "../../src/domain/Json.ts"
import { Journal } from "../../src/journal/Journal.ts"
import { Leases } from "../../src/queue/Leases.ts"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import * as MemoryResultStore from "../../src/results/MemoryResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import * as Pipeline from "../../src/job/pipeline/layers.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { mark } from "../../src/secrets/Registry.ts"
import { levelsOf } from "../../src/telemetry/levels.ts"
import * as Otlp from "../../src/telemetry/Otlp.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { ShellTool } from "../../src/tools/ShellTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { WorkerConfig } from "../../src/WorkerConfig.ts"
import { ProcessOptions } from "../../src/tools/process/ProcessOptions.ts"
import * as HttpStub from "../support/HttpStub.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const secret = "hunter2-is-long-enough"

/** What a collector must be sent, by the protocol's JSON mapping: ids in hex, times in text. */
const Attribute = Schema.Struct({
  key: Schema.String,
  value: Schema.Record(Schema.String, Schema.Unknown)
})
const Span = Schema.Struct({
  traceId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
  spanId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)),
  parentSpanId: Schema.optionalKey(
    Schema.UndefinedOr(Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)))
  ),
  name: Schema.String,
  kind: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
  startTimeUnixNano: Schema.String.check(Schema.isPattern(/^\d{19}$/)),
  endTimeUnixNano: Schema.String.check(Schema.isPattern(/^\d{19}$/)),
  attributes: Schema.Array(Attribute)
})
const Resource = Schema.Struct({ attributes: Schema.Array(Attribute) })
const Traces = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) }))
    })
  )
})
const Metrics = Schema.Struct({
  resourceMetrics: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeMetrics: Schema.Array(
        Schema.Struct({ metrics: Schema.Array(Schema.Struct({ name: Schema.String })) })
      )
    })
  )
})

const worker = (otlp: Otlp.OtlpSettings) =>
  Worker.layer.pipe(
    Layer.provide(Toolbox.layer(ShellTool)),
    Layer.provide(ShellTool.layer),
    Layer.provide(ProcessOptions.layerDevelopment),
    Layer.provide(Pipeline.layerWith({ retypeStrings: false })),
    Layer.provide(Results.layer.pipe(Layer.provide(MemoryResultStore.layer()))),
    Layer.provide(Layer.mergeAll(Leases.layerInProcess, Journal.layerMemory(), WorkerConfig.layer())),
    Layer.provideMerge(Layer.mergeAll(MemoryQueue.layer(), MemoryControlPlane.layer())),
    Layer.provideMerge(
      Otlp.layer(otlp, levelsOf("info")).pipe(
        Layer.provideMerge(
          Layer.mergeAll(Logger.layer([]), Layer.succeed(References.MinimumLogLevel, "Info"))
        )
      )
    ),
    Layer.provideMerge(Redactor.layer)
  )

/** Works a command that says its TRACEPARENT, and answers with what a collector was sent. */
const exported = (protocol: Otlp.OtlpSettings["protocol"], more: Effect.Effect<void> = Effect.void) =>
  Effect.gen(function* () {
    const collector = yield* HttpStub.make((_, response) => response.end("{}"))
    const value = yield* Effect.gen(function* () {
      yield* (yield* Redactor).register("password", Redacted.make(secret))
      const command = aCommand(1, {
        kind: "shell",
        config: { command: "echo $TRACEPARENT" }
      })
      const plane = yield* MemoryControlPlane
      const queue = yield* MemoryQueue
      const parsed = parse(yield* plane.issue(command))
      const message = parsed._tag === "Success" && isObject(parsed.success) ? parsed.success : {}
      yield* queue.publish(
        stringify({ ...message, trace: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } })
      )
      yield* queue.awaitEmpty
      yield* more
      return stringify(yield* plane.endingOf(command.commandId))
    }).pipe(
      Effect.provide(
        worker({
          endpoint: `${collector.url}/`,
          headers: Redacted.make("x-team=data%20team"),
          protocol,
          service: "worker-of-the-test",
          version: "1.2.3",
          attributes: "deployment.environment=test"
        })
      )
    )
    return { value, asked: collector.asked }
  })

const bodies = (asked: ReadonlyArray<HttpStub.Asked>, path: string) =>
  asked.filter((one) => one.path === path).map((one) => one.body.toString())

describe("Telemetry for a collector", () => {
  it.live(
    "one span a command in the trace of its message, one a call of a tool, and the child goes on from there",
    () =>
      Effect.gen(function* () {
        const { asked, value } = yield* exported("http/json")
        const spans = bodies(asked, "/v1/traces")
          .map((body) => Schema.decodeUnknownSync(Traces)(JSON.parse(body)))
          .flatMap(({ resourceSpans }) => resourceSpans)
          .flatMap(({ scopeSpans }) => scopeSpans)
          .flatMap((scope) => scope.spans)
        assert.deepStrictEqual(spans.map(({ name }) => name).toSorted(), ["command", "tool"])
        const command = spans.find(({ name }) => name === "command")
        const tool = spans.find(({ name }) => name === "tool")
        assert.deepStrictEqual(
          [command?.traceId, command?.parentSpanId, tool?.traceId, tool?.parentSpanId],
          [traceId, "00f067aa0ba902b7", traceId, command?.spanId]
        )
        assert.include(value, `00-${traceId}-${tool?.spanId}-01`)
      }).pipe(Effect.scoped)
  )

  it.live("says whose it is, sends the headers it was given, and has the metrics from zero on", () =>
    Effect.gen(function* () {
      const { asked } = yield* exported("http/json")
      const metrics = bodies(asked, "/v1/metrics").map((body) =>
        Schema.decodeUnknownSync(Metrics)(JSON.parse(body))
      )
      const names = metrics
        .flatMap(({ resourceMetrics }) => resourceMetrics)
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap((scope) => scope.metrics.map(({ name }) => name))
      for (const name of [
        "noetl_worker_commands_total",
        "noetl_worker_dead_letters_total",
        "noetl_worker_slots"
      ])
        assert.include(names, name)
      const resource = stringify(metrics[0]?.resourceMetrics[0]?.resource)
      for (const text of ["worker-of-the-test", "1.2.3", "deployment.environment"])
        assert.include(resource, text)
      assert.strictEqual(asked[0]?.headers["x-team"], "data team")
    }).pipe(Effect.scoped)
  )

  it.live.each(["http/json", "http/protobuf"] as const)("no secret leaves as %s", (protocol) =>
    Effect.gen(function* () {
      const leaky = Effect.logInfo(`the password is ${secret}`).pipe(
        Effect.andThen(Effect.fail(new Error(`refused: ${secret}`))),
        Effect.withSpan("leaky", { attributes: { password: secret } }),
        Effect.ignore
      )
      const { asked } = yield* exported(protocol, leaky)
      const paths = new Set(asked.map(({ path }) => path))
      assert.deepStrictEqual([...paths].toSorted(), ["/v1/logs", "/v1/metrics", "/v1/traces"])
      const type = protocol === "http/json" ? "application/json" : "application/x-protobuf"
      for (const one of asked) {
        assert.strictEqual(one.headers["content-type"], type)
        assert.notInclude(one.body.toString("latin1"), secret)
      }
      // The lines and their masks are there, so the secret was.
      for (const [path, what] of [
        ["/v1/logs", "the password is "],
        ["/v1/traces", "refused: "]
      ] as const)
        assert.isTrue(bodies(asked, path).some((body) => body.includes(what) && body.includes(mark)))
    }).pipe(Effect.scoped)
  )

  it.live("a collector that is not there costs nobody a command", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const plane = yield* MemoryControlPlane
        const queue = yield* MemoryQueue
        const command = aCommand(1, { kind: "shell", config: { command: "echo done" } })
        yield* queue.publish(yield* plane.issue(command))
        yield* queue.awaitEmpty
        return yield* plane.endingOf(command.commandId)
      })
      const ending = yield* program.pipe(
        Effect.provide(
          worker({
            endpoint: "http://127.0.0.1:9",
            headers: undefined,
            protocol: "http/protobuf",
            service: "w",
            version: "0",
            attributes: undefined
          })
        )
      )
      assert.strictEqual(ending?.status, "completed")
    })
  )
})
