/** Open DuckDB databases: one instance a file, shared by all commands that name it, a connection for each. */
import type { DuckDBConnection } from "@duckdb/node-api"
import { Cause, Context, Duration, Effect, Layer, RcMap, type Scope, Semaphore } from "effect"
import { realpathSync } from "node:fs"
import { dirname, join, resolve, sep } from "node:path"
import type { ToolError } from "../../domain/ToolError.ts"
import { DuckdbOptions, type DuckdbSettings } from "./DuckdbOptions.ts"
import { failed, missing } from "./failure.ts"
import { isExecution, makeScratch, NotInstalled, openAt, pathOf, type Place } from "./openDatabase.ts"
import { enter } from "./sharing.ts"
import type { Duckdb } from "./values.ts"

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
    /**
     * Has several databases for the scope, whose sessions find them entered. All who want more than one take them in the
     * same order, so that no two wait for each other.
     */
    readonly reserve: (
      wanted: ReadonlyArray<{ readonly place: Place; readonly alone: boolean }>,
      tool: string
    ) => Effect.Effect<void, ToolError, Scope.Scope>
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
      const entered = Effect.fnUntraced(function* (place: Place, alone: boolean) {
        const path = pathOf(settings, scratch, place)
        if (place._tag === "Memory") {
          return { ...(yield* openAt(load, settings, scratch, path)), path, discard: Effect.void }
        }
        const opened = yield* RcMap.get(files, path)
        const discard = RcMap.invalidate(files, path)
        yield* enter(opened.gate, alone, discard)
        return { ...opened, path, discard }
      })
      const problemOf = (cause: unknown, tool: string): ToolError =>
        Cause.isExceededCapacityError(cause)
          ? failed(tool, `more than ${settings.maxDatabases} databases at a time`)
          : cause instanceof NotInstalled
            ? missing(tool)
            : failed(tool, cause)
      return Databases.of({
        fileOf: (path) => allowedFile(settings, path),
        open: Effect.map(RcMap.keys(files), (keys) => [...keys].length),
        reserve: (wanted, tool) => {
          const shared = wanted.filter(({ place }) => place._tag !== "Memory")
          const byPath = Map.groupBy(shared, ({ place }) => pathOf(settings, scratch, place))
          return Effect.forEach(
            [...byPath].toSorted(([a], [b]) => (a < b ? -1 : 1)),
            ([, [first, ...others]]) =>
              first === undefined
                ? Effect.void
                : entered(
                    first.place,
                    [first, ...others].some(({ alone }) => alone)
                  ),
            { discard: true }
          ).pipe(Effect.mapError((cause) => problemOf(cause, tool)))
        },
        session: (place, tool, alone = false) =>
          Effect.gen(function* () {
            const opened = yield* entered(place, alone)
            const connection = yield* Effect.acquireRelease(
              Effect.tryPromise({ try: () => opened.instance.connect(), catch: (cause) => cause }),
              (one) => Effect.sync(() => one.closeSync())
            )
            return {
              ...opened,
              connection,
              run: (work) => slots.withPermit(interruptible(connection, work))
            } satisfies Session
          }).pipe(Effect.mapError((cause) => problemOf(cause, tool)))
      })
    })
  )
}

/** Links are resolved before the check, so that none leads out. */
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
    // An interruption that comes before the statement has begun is forgotten by DuckDB, so it is repeated until the statement ends.
    const again = Effect.sync(() => connection.interrupt()).pipe(
      Effect.andThen(Effect.sleep(Duration.millis(20))),
      Effect.forever
    )
    return Effect.raceFirst(ended, again)
  })
