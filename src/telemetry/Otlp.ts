/**
 * Traces, metrics and logs to an OpenTelemetry collector. What leaves is masked in one place, after everything that could
 * bring a secret: attributes, messages, the texts of exceptions.
 */
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Layer, Logger, Redacted, References } from "effect"
import { OtlpExporter, OtlpLogger, OtlpMetrics, OtlpSerialization, OtlpTracer } from "effect/observability"
import type { Json } from "../domain/Json.ts"
import { Redactor } from "../secrets/Redactor.ts"
import { filtered, type Levels } from "./levels.ts"
import { percentDecoded } from "../domain/percentDecoded.ts"

export interface OtlpSettings {
  /** Base URL of the collector: `/v1/traces`, `/v1/metrics` and `/v1/logs` are below it. */
  readonly endpoint: string
  /** `name=value,name=value`, values URL-encoded, as OTEL_EXPORTER_OTLP_HEADERS has it. */
  readonly headers: Redacted.Redacted | undefined
  readonly protocol: "http/json" | "http/protobuf"
  readonly service: string
  readonly version: string
  /** `name=value,…` of OTEL_RESOURCE_ATTRIBUTES. */
  readonly attributes: string | undefined
}

export const layer = (settings: OtlpSettings, levels: Levels): Layer.Layer<never, never, Redactor> => {
  const base = settings.endpoint.replace(/\/+$/, "")
  const common = {
    resource: {
      serviceName: settings.service,
      serviceVersion: settings.version,
      attributes: pairsOf(settings.attributes)
    },
    headers: settings.headers === undefined ? {} : pairsOf(Redacted.value(settings.headers)),
    shutdownTimeout: "3 seconds"
  } as const
  const logger = Effect.map(OtlpLogger.make({ ...common, url: `${base}/v1/logs` }), (inner) =>
    filtered(levels, inner)
  )
  return Layer.mergeAll(
    Logger.layer([logger], { mergeWithExisting: true }),
    Layer.succeed(References.TracerEnabled, true)
  ).pipe(
    Layer.provideMerge(OtlpTracer.layer({ ...common, url: `${base}/v1/traces` })),
    Layer.provideMerge(OtlpMetrics.layer({ ...common, url: `${base}/v1/metrics` })),
    Layer.provide(OtlpExporter.layerFlusher),
    Layer.provide(masked(settings.protocol)),
    Layer.provide(NodeHttpClient.layerUndici)
  )
}

/** The serialization of the protocol, given only what went through the redactor. */
const masked = (
  protocol: OtlpSettings["protocol"]
): Layer.Layer<OtlpSerialization.OtlpSerialization, never, Redactor> =>
  Layer.effect(
    OtlpSerialization.OtlpSerialization,
    Effect.gen(function* () {
      const { maskJson } = yield* Redactor
      const { logs, metrics, traces } = yield* OtlpSerialization.OtlpSerialization
      // The data of OTLP is JSON by its specification; masking keeps its shape.
      const mask = <A>(data: A): A => maskJson(data as Json) as A
      return { traces: (data) => traces(mask(data)), metrics, logs: (data) => logs(mask(data)) }
    })
  ).pipe(
    Layer.provide(protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf)
  )

const pairsOf = (text: string | undefined): Record<string, string> =>
  Object.fromEntries(
    (text ?? "")
      .split(",")
      .map((pair) => pair.trim())
      .filter((pair) => pair.includes("="))
      .map((pair) => {
        const [name = "", ...value] = pair.split("=")
        return [name.trim(), percentDecoded(value.join("=").trim())]
      })
  )
