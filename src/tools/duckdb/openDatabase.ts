/**
 * Opens a DuckDB database and closes it for the world outside before SQL of a playbook sees it: files only below the
 * allowed directories, no downloads, and no setting that could change that.
 */
import type { DuckDBInstance } from "@duckdb/node-api"
import { Clock, Effect, type Scope } from "effect"
import { mkdirSync } from "node:fs"
import { dirname, join, sep } from "node:path"
import { makeTemporaryFolder, type TemporaryFolder } from "../../async/temporaryFolder.ts"
import { quoteText } from "../sql/tokens.ts"
import type { DuckdbSettings } from "./DuckdbOptions.ts"
import { type Gate, makeGate } from "./sharing.ts"
import type { Duckdb } from "./values.ts"

/** Which database: a private one, one an execution, or a file. */
export type Place =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Execution"; readonly id: string }
  | { readonly _tag: "File"; readonly path: string }

export class NotInstalled extends Error {}

/** A folder of this process, made when it is first asked for: a worker that is killed without DuckDB leaves nothing. */
export type Scratch = () => string

export const makeScratch = Effect.map(
  Effect.acquireRelease(
    Effect.sync((): { folder: TemporaryFolder | undefined } => ({ folder: undefined })),
    (made) => Effect.sync(() => made.folder?.remove())
  ),
  (made): Scratch =>
    () =>
      (made.folder ??= makeTemporaryFolder("duckdb")).path
)

export interface Opened {
  readonly duckdb: Duckdb
  readonly instance: DuckDBInstance
  readonly gate: Gate
  readonly extensions: ReadonlySet<string>
}

export const openAt = (
  load: Effect.Effect<Duckdb, unknown>,
  settings: DuckdbSettings,
  scratch: Scratch,
  path: string,
  files: { readonly opened: (path: string) => void; readonly closed: (path: string, now: number) => void }
): Effect.Effect<Opened, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const duckdb = yield* Effect.mapError(load, () => new NotInstalled())
      const opened = yield* Effect.tryPromise({
        try: async () => {
          if (path !== memory) mkdirSync(dirname(path), { recursive: true })
          const instance = await duckdb.DuckDBInstance.create(path, configOf(settings, scratch))
          const own = isExecution(settings, scratch, path) ? [dirname(path)] : []
          const extensions = await prepare(instance, settings, own)
          return { duckdb, instance, extensions }
        },
        catch: (cause) => cause
      })
      files.opened(path)
      return { ...opened, gate: yield* makeGate(opened.instance) }
    }),
    ({ instance }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        instance.closeSync()
        files.closed(path, now)
      })
  )

const memory = ":memory:"

const configOf = (settings: DuckdbSettings, scratch: Scratch): Record<string, string> => ({
  memory_limit: `${settings.memoryBytes}B`,
  threads: String(settings.threads),
  temp_directory: join(scratch(), "spill"),
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
  allow_community_extensions: "false",
  allow_persistent_secrets: "false",
  ...(settings.extensionDirectory === undefined ? {} : { extension_directory: settings.extensionDirectory }),
  ...(settings.maxTempBytes === undefined ? {} : { max_temp_directory_size: `${settings.maxTempBytes}B` })
})

/** Settings of a session that an author may change. All others are closed. */
const openSettings = [
  "TimeZone",
  "Calendar",
  "search_path",
  "schema",
  "default_null_order",
  "null_order",
  "default_order",
  "preserve_insertion_order",
  "integer_division",
  "default_collation",
  "enable_progress_bar",
  "errors_as_json",
  "explain_output"
]

const prepare = async (
  instance: DuckDBInstance,
  settings: DuckdbSettings,
  own: ReadonlyArray<string>
): Promise<ReadonlySet<string>> => {
  const connection = await instance.connect()
  try {
    for (const name of settings.extensions) {
      // A missing extension is reported to the command that asks for it.
      await connection.run(`LOAD ${quoteText(name)}`).catch(() => undefined)
    }
    const loaded = await connection.runAndReadAll(
      "SELECT unnest(list_append(aliases, extension_name)) FROM duckdb_extensions() WHERE loaded"
    )
    const extensions = new Set(loaded.getRows().map(([name]) => String(name)))
    if (!settings.externalAccess) {
      const directories = [...settings.allowedDirectories, ...own].map((one) =>
        quoteText(one.includes("://") || one.endsWith(sep) ? one : one + sep)
      )
      await connection.run(`SET allowed_directories = [${directories.join(", ")}]`)
      await connection.run("SET enable_external_access = false")
    }
    await connection.run(`SET allowed_configs = [${openSettings.map(quoteText).join(", ")}]`)
    await connection.run("SET lock_configuration = true")
    return extensions
  } finally {
    connection.closeSync()
  }
}

// --- places ---

export const pathOf = (settings: DuckdbSettings, scratch: Scratch, place: Place): string => {
  switch (place._tag) {
    case "Memory":
      return memory
    case "File":
      return place.path
    case "Execution":
      // A folder each, so that no execution may reach another's.
      return join(
        settings.dataDir ?? scratch(),
        "executions",
        place.id.replaceAll(/\W/g, "_"),
        "execution.duckdb"
      )
  }
}

export const isExecution = (settings: DuckdbSettings, scratch: Scratch, path: string): boolean =>
  path.startsWith(join(settings.dataDir ?? scratch(), "executions") + sep)
