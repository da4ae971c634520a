/** A whole worker with all its tools, and everything that leaves it: events, log, dead letters, status. */
import { Console, Effect, Layer } from "effect"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import type { Credential } from "../../src/domain/Credential.ts"
import { type Json, type JsonObject, stringify } from "../../src/domain/Json.ts"
import * as Pipeline from "../../src/job/pipeline/layers.ts"
import { Journal } from "../../src/journal/Journal.ts"
import { Leases } from "../../src/queue/Leases.ts"
import { MemoryQueue } from "../../src/queue/MemoryQueue.ts"
import * as MemoryResultStore from "../../src/results/MemoryResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import { type Options as RedactorOptions, Redactor } from "../../src/secrets/Redactor.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import { levelsOf } from "../../src/telemetry/levels.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import * as SafetyOptions from "../../src/tools/SafetyOptions.ts"
import * as Tools from "../../src/tools/index.ts"
import { Worker } from "../../src/worker/Worker.ts"
import { WorkerConfig } from "../../src/WorkerConfig.ts"
import { type Leak, scan } from "./SecretScanner.ts"

/** Its log is masked and formatted as the worker's is, and kept. */
export const secretWorld = (
  credentials: ReadonlyArray<Credential>,
  redactor: Partial<RedactorOptions> = {},
  format: "json" | "logfmt" | "pretty" = "json"
) => {
  const lines: Array<string> = []
  const write = (...parts: ReadonlyArray<unknown>) => void lines.push(parts.map(String).join(" "))
  const quiet = Object.assign(Object.create(console) as Console.Console, {
    error: write,
    log: write,
    group: write,
    groupEnd: () => undefined
  })
  const layer = Worker.layer.pipe(
    Layer.provide(Layer.provide(Tools.layer, SafetyOptions.layerDevelopment)),
    Layer.provide(Pipeline.layerWith({ retypeStrings: false })),
    Layer.provide(Results.layer.pipe(Layer.provide(MemoryResultStore.layer()))),
    Layer.provide(Leases.layerInProcess),
    Layer.provideMerge(MemoryQueue.layer()),
    Layer.provideMerge(MemoryControlPlane.layer({ credentials })),
    Layer.provide(Journal.layerMemory()),
    Layer.provide(WorkerConfig.layer({ concurrency: 4 })),
    Layer.provideMerge(
      Telemetry.layer({ format, levels: levelsOf("trace"), terminal: false, colors: false })
    ),
    Layer.provideMerge(Redactor.layerWith(redactor)),
    Layer.provideMerge(Layer.succeed(Console.Console, quiet))
  )
  return { layer, log: lines }
}

export type Work = readonly [kind: string, config: JsonObject]

/** Works the commands to their ends: how each ended, and every text that left, by where it left. */
export const leaving = Effect.fnUntraced(function* (log: ReadonlyArray<string>, work: ReadonlyArray<Work>) {
  const plane = yield* MemoryControlPlane
  const queue = yield* MemoryQueue
  const worker = yield* Worker
  const issued = work.map(([kind, config], i) => aCommand(i + 1, { kind, config }))
  for (const command of issued) yield* queue.publish(yield* plane.issue(command))
  yield* queue.awaitEmpty
  return {
    endings: yield* Effect.forEach(issued, ({ commandId }) => plane.endingOf(commandId)),
    texts: new Map([
      ["events", stringify((yield* plane.log) as unknown as Json)],
      ["log", log.join("\n")],
      ["dead letters", JSON.stringify(yield* queue.deadLetters)],
      ["status", JSON.stringify(yield* worker.status)]
    ])
  }
})

export const leaksOf = (
  secrets: ReadonlyArray<string>,
  texts: ReadonlyMap<string, string>,
  depth = 3
): ReadonlyArray<Leak> => [...texts].flatMap(([source, text]) => scan(secrets, source, text, depth))
