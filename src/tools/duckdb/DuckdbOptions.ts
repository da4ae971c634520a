/** The operator's options for DuckDB: memory, threads, and which files it may touch. */
import { Context, Duration, Layer } from "effect"
import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import { databasesAtOnce, ownBudget } from "../../domain/memoryBudget.ts"

export interface DuckdbSettings {
  /**
   * Databases of executions lie below it, each in a folder of its own. Without it they lie in a folder of this process
   * and are gone with it.
   */
  readonly dataDir: string | undefined
  /** How long the idle database of an execution is kept. */
  readonly keepExecutions: Duration.Duration
  /** How long another idle database file stays open. Other programs cannot open it meanwhile. */
  readonly keepOpen: Duration.Duration
  /** Files that SQL may read and write lie below these; a URL prefix lets httpfs reach it. */
  readonly allowedDirectories: ReadonlyArray<string>
  /** `true` lifts all limits on files and addresses: ATTACH of a server needs it. */
  readonly externalAccess: boolean
  /** Extensions that are loaded where they are present on this machine. None is ever downloaded. */
  readonly extensions: ReadonlyArray<string>
  readonly extensionDirectory: string | undefined
  /** Of one database. A query that needs more spills to disk, or fails with an error that names the limit. */
  readonly memoryBytes: number
  readonly threads: number
  readonly maxTempBytes: number | undefined
  /** Databases open at a time. Beyond it the one that was idle for longest is closed, its file stays. */
  readonly maxDatabases: number
  /** How long an interrupted statement may take to end before it is abandoned. */
  readonly interruptGrace: Duration.Duration
  /** Abandoned statements that may still run. While there are so many, none is begun. */
  readonly maxAbandoned: number
  /** Statements that run at a time. Each holds one of Node's four threads for files and names while it runs. */
  readonly concurrency: number
  /** Kept of a result, where a playbook names no limit of its own. */
  readonly maxRows: number
  readonly maxBytes: number
}

export const defaults = (): DuckdbSettings => ({
  dataDir: undefined,
  keepExecutions: Duration.hours(1),
  keepOpen: Duration.seconds(5),
  allowedDirectories: [resolve("data")],
  externalAccess: false,
  extensions: [],
  extensionDirectory: undefined,
  memoryBytes: Math.floor(ownBudget().databases / databasesAtOnce),
  threads: availableParallelism(),
  maxTempBytes: undefined,
  maxDatabases: 64,
  interruptGrace: Duration.millis(250),
  maxAbandoned: 2,
  concurrency: databasesAtOnce,
  maxRows: 10_000,
  maxBytes: 32 * 1024 * 1024
})

/** What DuckDB may use and touch. There is no default: every composition of tools decides. Read once, by the layers. */
export class DuckdbOptions extends Context.Service<DuckdbOptions, DuckdbSettings>()(
  "noetl-worker/tools/duckdb/DuckdbOptions"
) {
  static readonly layer = (settings: Partial<DuckdbSettings>): Layer.Layer<DuckdbOptions> =>
    Layer.sync(DuckdbOptions, () => ({ ...defaults(), ...settings }))

  /** SQL may read and write files below `data` of the working folder, and nothing else. */
  static readonly layerDevelopment = DuckdbOptions.layer({})

  /** SQL may read and write files below the folders that are listed: none by default. */
  static readonly layerProduction = (
    allowedDirectories: ReadonlyArray<string> = []
  ): Layer.Layer<DuckdbOptions> => DuckdbOptions.layer({ allowedDirectories })
}
