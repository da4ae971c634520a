/** `noetl-worker`: the worker until it is told to stop. */
import { Effect, Layer, Metric } from "effect"
import { HttpServer } from "effect/http"
import { controlPlaneOf, queueOf } from "../config/backends.ts"
import { graceOf, workerLayer } from "../config/layers.ts"
import { type Loaded, redacted } from "../config/load.ts"
import { ownSecrets } from "../config/ownSecrets.ts"
import { ownBudget, shownBudget } from "../domain/memoryBudget.ts"
import { Redactor } from "../secrets/Redactor.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import { levelsOf } from "../telemetry/levels.ts"
import { Version } from "../telemetry/Version.ts"
import * as Otlp from "../telemetry/Otlp.ts"
import * as Tools from "../tools/index.ts"
import { Worker } from "../worker/Worker.ts"
import { loadConfig } from "./sources.ts"
import { graceful } from "./signals.ts"
import { version } from "./version.ts"

export const worker = Effect.gen(function* () {
  const loaded = yield* loadConfig
  const { values } = loaded
  yield* graceful(graceOf(values))
  return yield* Effect.gen(function* () {
    for (const warning of loaded.warnings) yield* Effect.logWarning(warning)
    for (const note of loaded.notes) yield* Effect.logInfo(note)
    for (const word of levelsOf(values.logLevel).unknown)
      yield* Effect.logWarning(`log.level: "${word}" is no level and no part=level: left out`)
    yield* Effect.logInfo(introduction(loaded))
    yield* memoryShares
    return yield* Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      yield* Effect.logInfo(`health on ${HttpServer.formatAddress(address)}`)
      return yield* Worker.main
    }).pipe(Effect.provide(workerLayer(values, Tools.layer)), Effect.provideService(Version, version))
  }).pipe(Effect.provide(telemetry(loaded)))
})

/** Logs and, where there is a collector, telemetry as configured, and the redactor that they and the worker share. */
export const telemetry = ({ values }: Loaded): Layer.Layer<Redactor> => {
  const levels = levelsOf(values.logLevel)
  const logs = Telemetry.layer({
    format: values.logFormat,
    worker: values.workerId,
    pool: values.pool,
    levels,
    terminal: process.stderr.isTTY,
    colors: process.stderr.isTTY && process.env["NO_COLOR"] === undefined
  })
  const otlp =
    values.otlpEndpoint === undefined
      ? logs
      : Otlp.layer(
          {
            endpoint: values.otlpEndpoint,
            headers: redacted(values.otlpHeaders),
            protocol: values.otlpProtocol,
            service: values.otlpService,
            version,
            attributes: values.otlpAttributes
          },
          levels
        ).pipe(Layer.provideMerge(logs))
  return otlp.pipe(Layer.provideMerge(Redactor.layerWith({ own: ownSecrets(values, process.env) })))
}

const memoryShares = Effect.suspend(() => {
  const budget = ownBudget()
  const shares = Object.entries(budget) as ReadonlyArray<readonly [string, number]>
  return Effect.andThen(
    Effect.logInfo(`memory ${shownBudget(budget)}`),
    Effect.forEach(shares, ([share, bytes]) => Metric.update(Metrics.memoryShare(share), bytes), {
      discard: true
    })
  )
})

const introduction = ({ values }: Loaded): string =>
  `worker starts: ${values.concurrency} slots, ` +
  `commands from ${queueOf(values).address(values)}, for ${controlPlaneOf(values).address(values)}`
