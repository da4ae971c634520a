/** A worker whose tool `busy` blocks the main thread for as many milliseconds as it is told. Run by busy.test.ts. */
import { NodeRuntime } from "@effect/platform-node"
import { Context, Effect, Layer, Schema } from "effect"
import { workerLayer } from "../../src/config/layers.ts"
import { load } from "../../src/config/load.ts"
import { success } from "../../src/domain/ToolResult.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { levelsOf } from "../../src/telemetry/levels.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import * as Tool from "../../src/tools/Tool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { Worker } from "../../src/worker/Worker.ts"

class BusyTool extends Context.Service<BusyTool, Tool.Tool>()("test/BusyTool") {
  static readonly layer = Layer.succeed(
    BusyTool,
    Tool.make({
      kind: "busy",
      config: Schema.Struct({ millis: Schema.Int }),
      run: ({ millis }) =>
        Effect.sync(() => {
          const end = performance.now() + millis
          while (performance.now() < end) Math.sqrt(end)
          return success({ blocked: millis })
        })
    })
  )
}

Effect.fromResult(load({ flags: new Map(), env: process.env, dotenv: undefined, file: undefined })).pipe(
  Effect.flatMap(({ values }) =>
    Worker.main.pipe(Effect.provide(workerLayer(values, Toolbox.layerLive(BusyTool))))
  ),
  Effect.provide(
    Telemetry.layer({ format: "logfmt", levels: levelsOf("debug"), terminal: false, colors: false }).pipe(
      Layer.provideMerge(Redactor.layer)
    )
  ),
  NodeRuntime.runMain
)
