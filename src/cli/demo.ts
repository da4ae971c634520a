/**
 * `noetl-worker demo`: the worker on the in-process queue and control plane works a handful of commands. Everything is
 * the real thing but the two backends: the same tree, the same tools, the same events.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Console, Effect, Layer } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import { graceOf, workerConfig } from "../config/layers.ts"
import { toolOptions } from "../config/toolOptions.ts"
import { MemoryControlPlane } from "../control-plane/MemoryControlPlane.ts"
import type { Command } from "../domain/Command.ts"
import * as Json from "../domain/Json.ts"
import * as Pipeline from "../job/pipeline/layers.ts"
import { Journal } from "../journal/Journal.ts"
import { Leases } from "../queue/Leases.ts"
import { MemoryQueue } from "../queue/MemoryQueue.ts"
import * as Tools from "../tools/index.ts"
import { Worker, type WorkerStatus } from "../worker/Worker.ts"
import * as MemoryResultStore from "../results/MemoryResultStore.ts"
import { Results } from "../results/Results.ts"
import { exampleCommands } from "./demoCommands.ts"
import { Arguments } from "./Arguments.ts"
import { graceful } from "./signals.ts"
import { loadConfig } from "./sources.ts"
import { type Style, styleOf } from "./style.ts"
import { telemetry } from "./worker.ts"

export const demo = Effect.fnUntraced(function* (keep: boolean) {
  const { verbose } = yield* Arguments
  const loaded = yield* loadConfig
  yield* graceful(graceOf(loaded.values))
  const quiet = loaded.origins.has("logLevel") || verbose ? loaded : withLevel(loaded, "error")
  const style = styleOf(process.stdout)
  const world = Worker.layer.pipe(
    Layer.provide(Layer.provide(Tools.layer, toolOptions(loaded.values))),
    Layer.provide(Pipeline.layerWith(loaded.values)),
    Layer.provide(Results.layer.pipe(Layer.provide(MemoryResultStore.layer()))),
    Layer.provide(Leases.layerInProcess),
    Layer.provideMerge(MemoryQueue.layer()),
    Layer.provideMerge(MemoryControlPlane.layer({ workerName: "demo-worker" })),
    Layer.provide(Journal.layerMemory()),
    Layer.provide(workerConfig(loaded.values))
  )
  yield* show(style, keep).pipe(
    Effect.provide(Layer.mergeAll(world, ownServer).pipe(Layer.provideMerge(telemetry(quiet))))
  )
})

const show = Effect.fnUntraced(function* (style: Style, keep: boolean) {
  const worker = yield* Worker
  const plane = yield* MemoryControlPlane
  const queue = yield* MemoryQueue
  const startedAt = yield* Clock.currentTimeMillis
  const commands = exampleCommands(HttpServer.formatAddress((yield* HttpServer.HttpServer).address))
  const nameOf = new Map(commands.map((command) => [command.commandId, `${command.kind} ${command.step}`]))

  yield* Console.log(treeText(yield* worker.status, style))
  yield* plane.onLine((line) => {
    if (line.command === undefined) return
    const detail = line.detail === null ? "" : style.dim(shortened(Json.stringify(line.detail)))
    process.stdout.write(`  ${(nameOf.get(line.command) ?? "").padEnd(24)}${line.what.padEnd(20)}${detail}\n`)
  })
  yield* Console.log(style.bold(`\n${commands.length} commands, as they happen`))
  for (const command of commands) yield* queue.publish(yield* plane.issue(command))
  // A child of the tree that gives up must end the demonstration too.
  yield* Effect.raceFirst(queue.awaitEmpty, worker.join)
  yield* Console.log(yield* summary(commands, (yield* Clock.currentTimeMillis) - startedAt, style))
  if (!keep) return undefined
  yield* Console.log("The worker goes on; Ctrl-C drains and ends it.")
  return yield* worker.join
})

const treeText = (status: WorkerStatus, style: Style): string =>
  [
    style.bold(`worker ${status.name}`),
    ...status.children.map((child, i) => {
      const branch = i === status.children.length - 1 ? "└─" : "├─"
      return `${branch} ${child.name.padEnd(14)}${child.state}${child.restarts > 0 ? `, ${child.restarts} restarts` : ""}`
    })
  ].join("\n")

const summary = Effect.fnUntraced(function* (commands: ReadonlyArray<Command>, millis: number, style: Style) {
  const plane = yield* MemoryControlPlane
  const lines = yield* Effect.forEach(commands, (command) =>
    Effect.map(plane.endingOf(command.commandId), (ending) => {
      const mark =
        ending?.status === "completed" ? style.green("completed") : style.red(ending?.status ?? "lost")
      const text = ending?.status === "completed" ? Json.stringify(ending.value) : (ending?.error ?? "")
      return `  ${`${command.kind} ${command.step}`.padEnd(24)}${mark}  ${style.dim(shortened(text))}`
    })
  )
  return [style.bold(`\nSummary after ${millis} ms`), ...lines, ""].join("\n")
})

const shortened = (text: string) => (text.length > 90 ? `${text.slice(0, 90)}…` : text)

const withLevel = <A extends { readonly values: object }>(loaded: A, logLevel: string): A => ({
  ...loaded,
  values: { ...loaded.values, logLevel }
})

/** A server for the http commands to call. */
const ownServer = HttpRouter.serve(
  HttpRouter.use((router) =>
    Effect.andThen(
      router.add(
        "GET",
        "/items/7",
        HttpServerResponse.json({ id: 7, name: "a thing", big: "9007199254740993" })
      ),
      router.add("GET", "/broken", Effect.succeed(HttpServerResponse.text("out of order", { status: 503 })))
    )
  ),
  { disableListenLog: true, disableLogger: true }
).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })))
