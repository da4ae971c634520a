/** What operators see of a worker: health endpoints, logs, telemetry for a collector, and the masking of secrets. */
export * as Health from "../http/Health.ts"
export { Redactor, type Options as RedactorOptions } from "../secrets/Redactor.ts"
export { KnownSecrets } from "../domain/OutputMask.ts"
export { levelsOf } from "../telemetry/levels.ts"
export * as Metrics from "../telemetry/Metrics.ts"
export * as Otlp from "../telemetry/Otlp.ts"
export * as Telemetry from "../telemetry/Telemetry.ts"
export { Version } from "../telemetry/Version.ts"
