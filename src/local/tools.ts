/** The tools of a run on this machine: the worker's, and one that says of every other kind that it is not here. */
import { Effect, Layer } from "effect"
import { Toolbox } from "../tools/Toolbox.ts"
import * as Tools from "../tools/index.ts"
import { UnsupportedTool } from "./UnsupportedTool.ts"

export const layer = Layer.effect(
  Toolbox,
  Effect.gen(function* () {
    const own = yield* Toolbox
    const missing = yield* UnsupportedTool
    return Toolbox.of({
      ...own,
      run: (call) =>
        missing.aliases.includes(call.kind) || missing.kind === call.kind ? missing.run(call) : own.run(call)
    })
  })
).pipe(Layer.provide(UnsupportedTool.layer), Layer.provide(Tools.layer))
