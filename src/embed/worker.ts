/** The whole worker as configured, over the tools of another application. */
import { Effect, Layer, Result } from "effect"
import type { ControlPlane } from "../control-plane/ControlPlane.ts"
import * as Configured from "../config/layers.ts"
import { load } from "../config/load.ts"
import { ownSecrets } from "../config/ownSecrets.ts"
import { Redactor } from "../secrets/Redactor.ts"
import type { Results } from "../results/Results.ts"
import type { SafetyOptions } from "../tools/SafetyOptions.ts"
import type { Toolbox } from "../tools/Toolbox.ts"

export { ConfigProblems } from "../config/load.ts"

/**
 * The worker with its queue, leases, journal, health server and redactor, as the settings choose them. It starts with the
 * layer and drains when the layer closes; `Worker.main` waits for it. Logs go to the application's own loggers.
 *
 * `options` has settings under the names of the environment variables that README lists, so `process.env` will do. A value
 * that does not read fails the layer with `ConfigProblems`, which names each one; a port that is taken fails it too. A
 * warning of the settings is logged.
 */
export const workerLayer = <E>(
  options: Readonly<Record<string, string | undefined>>,
  tools: Layer.Layer<Toolbox, E, ControlPlane | Results | SafetyOptions>
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const loaded = load({ flags: new Map(), env: options, dotenv: undefined, file: undefined })
      if (Result.isFailure(loaded)) return yield* Effect.fail(loaded.failure)
      const { values, warnings } = loaded.success
      for (const warning of warnings) yield* Effect.logWarning(warning)
      return Configured.workerLayer(values, tools).pipe(
        Layer.provideMerge(Redactor.layerWith({ own: ownSecrets(values, options) }))
      )
    })
  )
