/** Runs a block of SQL in a session: Snowflake takes it apart itself, so that scripting blocks stay whole. */
import { Data, Duration, Effect } from "effect"
import type { Binds, FileAndStageBindStatement, RowStatement, StatementOption } from "snowflake-sdk"
import type { Json } from "../../domain/Json.ts"
import { type Limits, type Row, rowMaker, type StatementResult, uniqueNames } from "../Rows.ts"
import type { Session } from "./Sessions.ts"
import type { SnowflakeSettings } from "./SnowflakeOptions.ts"
import { asText, converterOf, type Forms, typeName } from "./values.ts"

export class SnowflakeFailure extends Data.TaggedError("SnowflakeFailure")<{ readonly cause: unknown }> {}

export interface Reading {
  readonly limits: Limits
  readonly asObjects: boolean
  readonly forms: Forms
}

export interface Block {
  readonly text: string
  readonly binds: Binds | undefined
  readonly parameters: Readonly<Record<string, Json>>
  /** Submitted and asked about, instead of waited for. */
  readonly async: boolean
}

type Statement = RowStatement | FileAndStageBindStatement

/** `ran` is called with each statement as soon as it has ended, so that a failure leaves what came before. */
export const execute = Effect.fnUntraced(
  function* (
    session: Session,
    block: Block,
    reading: Reading,
    settings: SnowflakeSettings,
    ran: (result: StatementResult & { readonly queryId: string }) => void
  ) {
    const { first, listener } = block.async
      ? yield* polled(session, block, settings)
      : yield* started(session, optionsOf(block))
    let statement: Statement | undefined = first
    while (statement !== undefined) {
      ran({ ...(yield* resultOf(statement, reading)), queryId: statement.getQueryId() })
      statement = yield* nextOf(statement, listener)
    }
  },
  // A result that was left half read is nothing for the next command.
  (effect, session) => Effect.onInterrupt(effect, () => session.spoil)
)

const optionsOf = ({ binds, parameters, text }: Block): StatementOption => ({
  sqlText: text,
  ...(binds === undefined ? {} : { binds }),
  // Zero: as many as there are.
  parameters: {
    ...parameters,
    ...(binds === undefined ? { MULTI_STATEMENT_COUNT: 0 } : {}),
    TIME_OUTPUT_FORMAT: "HH24:MI:SS.FF9"
  },
  fetchAsString: [...asText],
  rowMode: "array",
  streamResult: true
})

/** Who waits for the next result: the driver calls one function for all results of a block. */
interface Listener {
  hear: (error: unknown, statement: Statement) => void
}

interface Started {
  readonly first: Statement
  readonly listener: Listener
}

/** Interruption asks Snowflake to stop; the session is not used again. */
const started = (session: Session, options: StatementOption): Effect.Effect<Started, SnowflakeFailure> =>
  Effect.callback((resume) => {
    const listener = listenerOf(resume)
    const statement = session.connection.execute({
      ...options,
      complete: (error, ended) => {
        if (options.asyncExec === true || !isParent(error, ended)) listener.hear(error, ended)
      }
    })
    return cancelled(session, statement)
  })

const listenerOf = (resume: (effect: Effect.Effect<Started, SnowflakeFailure>) => void): Listener => {
  const listener: Listener = {
    hear: answerTo((effect) => resume(Effect.map(effect, (first) => ({ first, listener }))))
  }
  return listener
}

/** The statement that a block came as: its parts are told after it, and it has nothing itself. */
const isParent = (error: unknown, statement: Statement): boolean =>
  (error === undefined || error === null) && statement.getColumns() === undefined

const cancelled = (session: Session, statement: Statement): Effect.Effect<void> =>
  Effect.callback<void>((done) => {
    statement.cancel(() => done(Effect.void))
  }).pipe(Effect.timeoutOption(Duration.seconds(5)), Effect.andThen(session.spoil))

const answerTo =
  (resume: (effect: Effect.Effect<Statement, SnowflakeFailure>) => void) =>
  (error: unknown, statement: Statement): void =>
    resume(
      error === undefined || error === null
        ? Effect.succeed(statement)
        : Effect.fail(new SnowflakeFailure({ cause: error }))
    )

const nextOf = (
  statement: Statement,
  listener: Listener
): Effect.Effect<Statement | undefined, SnowflakeFailure> =>
  Effect.callback<Statement | undefined, SnowflakeFailure>((resume) => {
    if (!("hasNext" in statement) || !statement.hasNext()) return resume(Effect.succeed(undefined))
    listener.hear = answerTo(resume)
    statement.NextResult()
  })

// --- asking ---

const polled = Effect.fnUntraced(function* (session: Session, block: Block, settings: SnowflakeSettings) {
  const { first: submitted } = yield* started(session, {
    ...optionsOf(block),
    asyncExec: true,
    streamResult: false
  })
  const queryId = submitted.getQueryId()
  const ask = Effect.tryPromise({
    try: () => session.connection.getQueryStatusThrowIfError(queryId),
    catch: (cause) => new SnowflakeFailure({ cause })
  })
  let pause = settings.pollFrom
  const until = Effect.gen(function* () {
    while (
      session.connection.isStillRunning(
        (yield* ask) as Parameters<typeof session.connection.isStillRunning>[0]
      )
    ) {
      yield* Effect.sleep(pause)
      pause = Duration.min(Duration.times(pause, 1.5), settings.pollTo)
    }
  })
  yield* Effect.onInterrupt(until, () => cancelled(session, submitted))
  return yield* Effect.callback<Started, SnowflakeFailure>((resume) => {
    const listener = listenerOf(resume)
    session.connection.fetchResult({
      ...optionsOf(block),
      queryId,
      complete: (error, ended) => {
        if (!isParent(error, ended)) listener.hear(error, ended)
      }
    })
  })
})

// --- rows ---

const resultOf = Effect.fnUntraced(function* (statement: Statement, reading: Reading) {
  const command = commandOf(statement.getSqlText())
  const updated = statement.getNumUpdatedRows()
  // The rows of a statement that writes are its counts.
  if (typeof updated === "number" && updated >= 0 && writes.test(command)) {
    return { command, affectedRows: updated } satisfies StatementResult
  }
  const table = yield* rowsOf(statement, reading)
  return { command, ...(table === undefined ? {} : { table }) } satisfies StatementResult
})

const writes = /^(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY)$/

const commandOf = (text: string): string =>
  /^(?:\s+|--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*([A-Za-z]+)/.exec(text)?.[1]?.toUpperCase() ?? "STATEMENT"

const rowsOf = Effect.fnUntraced(function* (statement: Statement, { asObjects, forms, limits }: Reading) {
  const columns = statement.getColumns() ?? []
  if (columns.length === 0) return undefined
  const names = uniqueNames(columns.map((column) => column.getName()))
  const converters = columns.map((column) => converterOf(column, forms))
  const make = rowMaker(names, asObjects)
  const rows: Array<Row> = []
  let truncated: "rows" | "bytes" | undefined
  let bytes = 0
  yield* eachRow(statement, (values) => {
    const row = values.map((value, i) => converters[i]?.(value) ?? null)
    for (const value of values) bytes += typeof value === "string" ? value.length : 8
    if (limits.maxRows > 0 && rows.length >= limits.maxRows) truncated = "rows"
    else if (bytes > limits.maxBytes) truncated = "bytes"
    else rows.push(make(row))
    return truncated === undefined
  })
  return {
    columns: names,
    columnTypes: columns.map(typeName),
    rows,
    ...(truncated === undefined ? {} : { truncated })
  }
})

/** Ends early where `use` has enough: parts of the result that are not there yet are not fetched. */
export const eachRow = (
  statement: Statement,
  use: (values: ReadonlyArray<unknown>) => boolean
): Effect.Effect<void, SnowflakeFailure> =>
  Effect.callback((resume) => {
    const stream = statement.streamRows()
    stream.on("data", (row: ReadonlyArray<unknown>) => {
      if (use(row)) return
      stream.removeAllListeners("data")
      stream.destroy()
      resume(Effect.void)
    })
    stream.once("end", () => resume(Effect.void))
    stream.once("error", (cause: unknown) => resume(Effect.fail(new SnowflakeFailure({ cause }))))
    return Effect.sync(() => stream.destroy())
  })
