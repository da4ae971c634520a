/** The operator's options for Rhai scripts. A script can change none of it. */
import { Context, Effect } from "effect"
import { defaults as defaultLimits, type Limits } from "./machine/Limits.ts"

export interface RhaiSettings {
  readonly limits: Limits
  /** Names of the environment that `env(name)` tells; a trailing `*` matches the rest. */
  readonly env: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** For `get_gcp_token()`: the empty string where there is none. */
  readonly gcpToken: Effect.Effect<string>
  /** Modules that scripts may import: name to script text. */
  readonly modules: ReadonlyMap<string, string>
  /** Text of compiled scripts that are kept. */
  readonly cacheBytes: number
  /** Kept of what a script prints. */
  readonly maxOutputBytes: number
}

export const defaults: Omit<RhaiSettings, "environment"> = {
  limits: defaultLimits,
  env: [],
  gcpToken: Effect.succeed(""),
  modules: new Map(),
  cacheBytes: 8 * 1024 * 1024,
  maxOutputBytes: 1024 * 1024
}

/** Read once, by the layer of the tool; `Layer.succeed(RhaiOptions, {…})` around it changes it. */
export const RhaiOptions = Context.Reference<RhaiSettings>("noetl-worker/tools/rhai/RhaiOptions", {
  defaultValue: () => ({ ...defaults, environment: process.env })
})

/** The value of a variable that scripts may know. */
export const envOf = (settings: RhaiSettings, name: string): string | undefined => {
  const allowed = settings.env.some((known) =>
    known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : known === name
  )
  return allowed ? settings.environment[name] : undefined
}
