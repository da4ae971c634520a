/** What every composition of tools must decide: where requests go, how programs start, which files SQL may touch. */
import { Layer } from "effect"
import { DuckdbOptions } from "./duckdb/DuckdbOptions.ts"
import { EgressOptions } from "./http/Egress.ts"
import type { Limits } from "./process/Limits.ts"
import { ProcessOptions } from "./process/ProcessOptions.ts"

export type SafetyOptions = EgressOptions | ProcessOptions | DuckdbOptions

/** For a developer's machine: private and loopback addresses too, no limits, files below `data`. */
export const layerDevelopment: Layer.Layer<SafetyOptions> = Layer.mergeAll(
  EgressOptions.layerDevelopment,
  ProcessOptions.layerDevelopment,
  DuckdbOptions.layerDevelopment
)

/** Public addresses, no files, and what is listed. */
export const layerProduction = (options: {
  /** Addresses, blocks and names. */
  readonly allowedHosts?: ReadonlyArray<string>
  /** Of each program that is started. */
  readonly limits: Limits
  /** Folders and URL prefixes that SQL may read and write. */
  readonly allowedDirectories?: ReadonlyArray<string>
}): Layer.Layer<SafetyOptions> =>
  Layer.mergeAll(
    EgressOptions.layerProduction(options.allowedHosts),
    ProcessOptions.layerProduction(options.limits),
    DuckdbOptions.layerProduction(options.allowedDirectories)
  )
