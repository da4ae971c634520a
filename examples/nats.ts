import { Context, Effect, Layer, Schema } from "effect"
import { Tool, Toolbox, ToolResult, Worker } from "noetl-worker"
import { workerLayer } from "noetl-worker/worker"

class Greet extends Context.Service<Greet, Tool.Tool>()("my-app/Greet") {
  static readonly layer = Layer.succeed(
    Greet,
    Tool.make({
      kind: "greet",
      config: Schema.Struct({ who: Schema.String }),
      run: ({ who }) => Effect.succeed(ToolResult.success({ greeting: `hello ${who}` }))
    })
  )
}

const tools = Toolbox.layer(Greet).pipe(Layer.provide(Greet.layer))

/** Works until it is interrupted, and drains then. NATS_URL and NOETL_SERVER_URL name the neighbours. */
export const program = (env: Readonly<Record<string, string | undefined>>) =>
  Worker.main.pipe(Effect.provide(workerLayer(env, tools)))
