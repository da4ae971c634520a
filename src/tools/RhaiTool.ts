/**
 * Runs a Rhai script. Its value is the step's value; an error it does not catch is a failed result, with what was
 * printed until then. It runs in this process, in slices, under limits of its own.
 */
import { Effect, Schema } from "effect"
import * as Coerced from "./Coerced.ts"
import { SafeHttp } from "./http/SafeHttp.ts"
import { RhaiOptions } from "./rhai/RhaiOptions.ts"
import * as Tool from "./Tool.ts"

const Config = Schema.Struct({
  code: Schema.String,
  args: Coerced.optional(Coerced.JsonMap),
  timeout: Coerced.optional(Coerced.Seconds),
  timeout_seconds: Coerced.optional(Coerced.Seconds),
  /** How `timestamp()` looks, such as `%H:%M:%S`. */
  timestamp_format: Coerced.optional(Schema.String),
  /** `worker`: a request that failed equals `()`; `cli`: it is an answer with status 0. */
  host: Coerced.optional(Schema.Literals(["worker", "cli"]))
})
export type Config = typeof Config.Type

/** The language is large, and a start without scripts need not load it. */
const uses = Effect.gen(function* () {
  const services = { settings: yield* RhaiOptions, http: yield* SafeHttp }
  return yield* Effect.cached(
    Effect.map(
      Effect.promise(() => import("./rhaiScript.ts")),
      ({ make }) => make(services)
    )
  )
})

export class RhaiTool extends Tool.Service<RhaiTool>()("noetl-worker/tools/RhaiTool", {
  kind: "rhai",
  config: Config,
  uses,
  run: (script, config, call) => Effect.flatMap(script, (run) => run(config, call)),
  deps: SafeHttp.layer
}) {}
