/** Open DuckDB databases: one instance a file, shared by all commands that name it, a connection for each. */
import type { DuckDBConnection } from "@duckdb/node-api"
import { Cause, Context, Effect, Layer, type Scope } from "effect"
import { dirname } from "node:path"
import { ToolError } from "../../domain/ToolError.ts"
import { mayWriteFiles } from "../sql/effects.ts"
import * as Pooled from "../sql/pooled.ts"
import { stringsOf } from "../sql/tokens.ts"
import { Abandoned } from "./Abandoned.ts"
import { DuckdbOptions } from "./DuckdbOptions.ts"
import { allowedFile, danglingLink, hasDanglingBeside, strayLink } from "./files.ts"
import { Parked } from "./Parked.ts"
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
  /** Runs one thing on this connection. Interruption interrupts it, and abandons it where it does not end in time. */
  readonly run: <A>(work: () => Promise<A>) => Effect.Effect<A, unknown>
  /** A database that says it is broken is closed for all commands. */
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
    /** Where such files may lie. */
    readonly directories: ReadonlyArray<string>
    /** A link that leads out of these, which SQL names or may write to. `place` is the database that it runs on. */
    readonly strayLink: (
      place: Place,
      text: string,
      values?: ReadonlyArray<string>
    ) => Effect.Effect<string | undefined>
    /** Databases open now. */
    readonly open: Effect.Effect<number>
    /** Statements that were interrupted and run on. */
    readonly abandoned: Effect.Effect<number>
  }
>()("noetl-worker/tools/duckdb/Databases") {
  static readonly layer = Layer.effect(
    Databases,
    Effect.gen(function* () {
      const settings = yield* DuckdbOptions
      const scratch = yield* makeScratch
      const load = yield* Effect.cached(Effect.tryPromise(() => import("@duckdb/node-api")))
      const abandoned = new Abandoned(settings)
      const parked = new Parked(settings, scratch)
      const files = yield* Pooled.make({
        lookup: (path: string) => openAt(load, settings, scratch, path, parked),
        evicting: parked.add,
        idleTimeToLive: (path: string) =>
          isExecution(settings, scratch, path) ? settings.keepExecutions : settings.keepOpen,
        capacity: settings.maxDatabases
      })
      const entered = Effect.fnUntraced(function* (place: Place, alone: boolean, tool: string) {
        const path = pathOf(settings, scratch, place)
        if (place._tag === "Memory") {
          return { ...(yield* openAt(load, settings, scratch, path, parked)), path, discard: Effect.void }
        }
        yield* abandoned.checkFile(path, tool)
        const opened = yield* files.get(path)
        const discard = files.invalidate(path)
        yield* enter(opened.gate, alone, discard)
        return { ...opened, path, discard }
      })
      const problemOf = (cause: unknown, tool: string): ToolError =>
        Cause.isExceededCapacityError(cause)
          ? failed(tool, `more than ${settings.maxDatabases} databases are in use at a time`)
          : cause instanceof ToolError
            ? cause
            : cause instanceof NotInstalled
              ? missing(tool)
              : failed(tool, cause)
      return Databases.of({
        fileOf: (path) => {
          const file = allowedFile(settings, path)
          return file === undefined || hasDanglingBeside(settings, file) ? undefined : file
        },
        directories: settings.allowedDirectories,
        strayLink: (place, text, values = []) =>
          Effect.suspend(() => {
            const named = strayLink(settings, [...stringsOf(text), ...values])
            if (named !== undefined || !mayWriteFiles(text)) return Effect.succeed(named)
            const path = pathOf(settings, scratch, place)
            const own = isExecution(settings, scratch, path) ? [dirname(path)] : []
            return Effect.promise(() => danglingLink(settings, own))
          }),
        open: files.size,
        abandoned: Effect.sync(() => abandoned.count),
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
                    [first, ...others].some(({ alone }) => alone),
                    tool
                  ),
            { discard: true }
          ).pipe(Effect.mapError((cause) => problemOf(cause, tool)))
        },
        session: (place, tool, alone = false) =>
          Effect.gen(function* () {
            yield* abandoned.checkLimit(tool)
            const opened = yield* entered(place, alone, tool)
            const connection = yield* Effect.acquireRelease(
              Effect.tryPromise({ try: () => opened.instance.connect(), catch: (cause) => cause }),
              (one) => Effect.sync(() => abandoned.close(one))
            )
            return {
              ...opened,
              connection,
              run: (work) => abandoned.run(connection, opened.path, work)
            } satisfies Session
          }).pipe(Effect.mapError((cause) => problemOf(cause, tool)))
      })
    })
  )
}
