/**
 * Statements that were interrupted and do not listen: their command has ended, and they run on in a thread of Node's
 * until they are done. Their files are not opened a second time meanwhile.
 */
import type { DuckDBConnection } from "@duckdb/node-api"
import { Duration, Effect, Semaphore } from "effect"
import * as Failure from "../../domain/Failure.ts"
import { ToolError } from "../../domain/ToolError.ts"
import type { DuckdbSettings } from "./DuckdbOptions.ts"

export class Abandoned {
  private readonly settings: DuckdbSettings
  private readonly slots: Semaphore.Semaphore
  private readonly running = new Map<DuckDBConnection, string>()

  constructor(settings: DuckdbSettings) {
    this.settings = settings
    this.slots = Semaphore.makeUnsafe(settings.concurrency)
  }

  /** Statements that run on. */
  get count(): number {
    return this.running.size
  }

  /** Refuses a file on which an abandoned statement runs. */
  readonly checkFile = (path: string, tool: string): Effect.Effect<void, ToolError> =>
    [...this.running.values()].includes(path)
      ? Effect.fail(busy(tool, `a statement that was interrupted still runs in ${path}`))
      : Effect.void

  /** Refuses work while too many threads are taken. */
  readonly checkLimit = (tool: string): Effect.Effect<void, ToolError> =>
    this.running.size >= this.settings.maxAbandoned
      ? Effect.fail(
          busy(
            tool,
            `${this.running.size} statements that were interrupted still run, and no more may be begun`
          )
        )
      : Effect.void

  /** Closes a connection, or leaves that to the statement that still runs on it. */
  readonly close = (connection: DuckDBConnection): void => {
    if (!this.running.has(connection)) connection.closeSync()
  }

  /** Runs one thing on a connection. Interruption ends it, or abandons what does not end in time. */
  readonly run = <A>(
    connection: DuckDBConnection,
    path: string,
    work: () => Promise<A>
  ): Effect.Effect<A, unknown> => this.slots.withPermit(this.interruptible(connection, path, work))

  private interruptible<A>(
    connection: DuckDBConnection,
    path: string,
    work: () => Promise<A>
  ): Effect.Effect<A, unknown> {
    return Effect.callback((resume) => {
      const running = work()
      running.then(
        (value) => resume(Effect.succeed(value)),
        (cause: unknown) => resume(Effect.fail(cause))
      )
      const settled = running.then(
        () => undefined,
        () => undefined
      )
      // DuckDB forgets an interruption that comes before the statement has begun, so it is repeated.
      const again = Effect.sync(() => connection.interrupt()).pipe(
        Effect.andThen(Effect.sleep(Duration.millis(20))),
        Effect.forever
      )
      return Effect.raceFirst(
        Effect.promise(() => settled),
        again
      ).pipe(
        Effect.timeoutOrElse({
          duration: this.settings.interruptGrace,
          orElse: () => this.abandon(connection, path, settled)
        })
      )
    })
  }

  private abandon(
    connection: DuckDBConnection,
    path: string,
    settled: Promise<undefined>
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.running.set(connection, path)
      void settled.then(() => {
        this.running.delete(connection)
        connection.closeSync()
      })
      return Effect.logWarning(
        `a DuckDB statement does not end after its interruption: it is abandoned and runs on in ${path}`
      )
    })
  }
}

const busy = (tool: string, problem: string): ToolError =>
  ToolError.ofFailure(
    tool,
    Failure.make("db_connection", `Database error: ${problem}`, {
      source: tool,
      code: "DUCKDB_ABANDONED",
      retryable: true
    })
  )
