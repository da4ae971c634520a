/**
 * Open DuckDB databases: one instance a file, shared by all commands that name it, a connection for each.
 *
 * A database is closed for the world outside before SQL of a playbook sees it: files only below the allowed directories,
 * no downloads, and no setting that could change that.
 */
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api"
import { Cause, Context, Duration, Effect, Layer, RcMap, type Scope, Semaphore } from "effect"
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve, sep } from "node:path"
import { quoteText } from "../sql/tokens.ts"
import type { ToolError } from "../ToolError.ts"
import { DuckdbOptions, type DuckdbSettings } from "./DuckdbOptions.ts"
import { failed, missing } from "./failure.ts"
import { enter, type Gate, makeGate } from "./sharing.ts"
import type { Duckdb } from "./values.ts"

/** Which database: one that nobody shares, one an execution, or a file. */
export type Place =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Execution"; readonly id: string }
  | { readonly _tag: "File"; readonly path: string }

export interface Session {
  readonly duckdb: Duckdb
  readonly connection: DuckDBConnection
  /** Extensions that are loaded; no other one can be. */
  readonly extensions: ReadonlySet<string>
  readonly path: string
  /** Runs one thing on this connection. Interruption interrupts it and waits until it has ended. */
  readonly run: <A>(work: () => Promise<A>) => Effect.Effect<A, unknown>
  /** A database that says it is broken is closed for everybody. */
  readonly discard: Effect.Effect<void>
}

export class Databases extends Context.Service<
  Databases,
  {
    /**
     * A connection for the scope. `tool` is the kind, for errors. What is made by one that is `alone` with its database
     * (secrets, attached databases) is gone after it.
     */
    readonly session: (
      place: Place,
      tool: string,
      alone?: boolean
    ) => Effect.Effect<Session, ToolError, Scope.Scope>
    /** The file of a path that a playbook wrote; undefined where it lies outside of what is allowed. */
    readonly fileOf: (path: string) => string | undefined
    /** Databases open now. */
    readonly open: Effect.Effect<number>
  }
>()("noetl-worker/tools/duckdb/Databases") {
  static readonly layer = Layer.effect(
    Databases,
    Effect.gen(function* () {
      const settings = yield* DuckdbOptions
      const scratch = yield* makeScratch
      const load = yield* Effect.cached(Effect.tryPromise(() => import("@duckdb/node-api")))
      const slots = yield* Semaphore.make(settings.concurrency)
      const files = yield* RcMap.make({
        lookup: (path: string) => openAt(load, settings, scratch, path),
        idleTimeToLive: (path: string) =>
          isExecution(settings, scratch, path) ? settings.keepExecutions : settings.keepOpen,
        capacity: settings.maxDatabases
      })
      return Databases.of({
        fileOf: (path) => allowedFile(settings, path),
        open: Effect.map(RcMap.keys(files), (keys) => [...keys].length),
        session: (place, tool, alone = false) =>
          Effect.gen(function* () {
            const path = pathOf(settings, scratch, place)
            const opened = yield* place._tag === "Memory"
              ? openAt(load, settings, scratch, path)
              : RcMap.get(files, path)
            const discard = place._tag === "Memory" ? Effect.void : RcMap.invalidate(files, path)
            if (place._tag !== "Memory") yield* enter(opened.gate, alone, discard)
            const connection = yield* Effect.acquireRelease(
              Effect.tryPromise({ try: () => opened.instance.connect(), catch: (cause) => cause }),
              (one) => Effect.sync(() => one.closeSync())
            )
            return {
              ...opened,
              connection,
              path,
              run: (work) => slots.withPermit(interruptible(connection, work)),
              discard
            } satisfies Session
          }).pipe(
            Effect.mapError((cause) =>
              Cause.isExceededCapacityError(cause)
                ? failed(tool, `more than ${settings.maxDatabases} databases at a time`)
                : cause instanceof NotInstalled
                  ? missing(tool)
                  : failed(tool, cause)
            )
          )
      })
    })
  )
}

class NotInstalled extends Error {}

/** A folder of this process, made when it is first asked for: a worker that is killed without DuckDB leaves nothing. */
type Scratch = () => string

const makeScratch = Effect.map(
  Effect.acquireRelease(
    Effect.sync((): { path: string | undefined } => ({ path: undefined })),
    (made) =>
      Effect.sync(() => {
        if (made.path !== undefined) rmSync(made.path, { recursive: true, force: true })
      })
  ),
  (made): Scratch =>
    () =>
      (made.path ??= realpathSync(mkdtempSync(join(tmpdir(), "noetl-duckdb-"))))
)

interface Opened {
  readonly duckdb: Duckdb
  readonly instance: DuckDBInstance
  readonly gate: Gate
  readonly extensions: ReadonlySet<string>
}

const openAt = (
  load: Effect.Effect<Duckdb, unknown>,
  settings: DuckdbSettings,
  scratch: Scratch,
  path: string
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
      return { ...opened, gate: yield* makeGate(opened.instance) }
    }),
    ({ instance }) =>
      Effect.sync(() => {
        instance.closeSync()
        if (settings.dataDir === undefined && isExecution(settings, scratch, path)) {
          rmSync(dirname(path), { recursive: true, force: true })
        }
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
      // One that is not on this machine is said to whoever asks for it.
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

const pathOf = (settings: DuckdbSettings, scratch: Scratch, place: Place): string => {
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

const isExecution = (settings: DuckdbSettings, scratch: Scratch, path: string): boolean =>
  path.startsWith(join(settings.dataDir ?? scratch(), "executions") + sep)

/** Links are followed before the look, so that none leads out. */
const allowedFile = (settings: DuckdbSettings, path: string): string | undefined => {
  const file = resolve(path)
  const folder = settledFolder(dirname(file))
  const real = join(folder, file.slice(dirname(file).length))
  const roots = settings.allowedDirectories
    .filter((one) => !one.includes("://"))
    .map((one) => settledFolder(resolve(one)))
  const isBelow = roots.some((root) => (real + sep).startsWith(root.endsWith(sep) ? root : root + sep))
  return settings.externalAccess || isBelow ? real : undefined
}

/** The real path of a folder, or of the part of it that exists. */
const settledFolder = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(settledFolder(parent), path.slice(parent.length))
  }
}

// --- running ---

const interruptible = <A>(connection: DuckDBConnection, work: () => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.callback((resume) => {
    const running = work()
    running.then(
      (value) => resume(Effect.succeed(value)),
      (cause: unknown) => resume(Effect.fail(cause))
    )
    const ended = Effect.promise(() =>
      running.then(
        () => undefined,
        () => undefined
      )
    )
    // An interruption that comes before the statement has begun is forgotten by DuckDB, so it is said until it is heard.
    const again = Effect.sync(() => connection.interrupt()).pipe(
      Effect.andThen(Effect.sleep(Duration.millis(20))),
      Effect.forever
    )
    return Effect.raceFirst(ended, again)
  })
