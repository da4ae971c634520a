/** A block of statements, one after the other on one connection, until one fails. */
import { Effect } from "effect"
import * as Failure from "../../domain/Failure.ts"
import type { StatementResult } from "../Rows.ts"
import type { Ended, Mode } from "../sql/block.ts"
import type { Params } from "../sql/placeholders.ts"
import type { Statement } from "../sql/split.ts"
import { traced } from "../sql/traced.ts"
import { execute, type Options, simple, type SqlFailure } from "./execute.ts"
import { failureOf, type Place } from "./failure.ts"
import type { PostgresSettings } from "./PostgresOptions.ts"
import type { Session } from "./Pools.ts"
import { isSingle } from "./transactions.ts"

export interface Block {
  readonly text: string
  readonly statements: ReadonlyArray<Statement>
  readonly params: Params | undefined
  readonly mode: Mode
  readonly source: string
  readonly traceparent: string | undefined
}

export const runBlock = Effect.fnUntraced(function* (
  session: Session,
  block: Block,
  options: Options,
  settings: PostgresSettings
) {
  const results: Array<StatementResult> = []
  const unsayable = new Set<string>()
  const single = isSingle(block.mode, block.statements)
  const fail = (error: Failure.Failure): Ended => ({
    results,
    unsayable,
    error,
    transaction: single ? "rolled_back" : undefined
  })
  if (single) {
    const begun = yield* Effect.result(simple(session, "BEGIN"))
    if (begun._tag === "Failure") return fail(failureOf(begun.failure.cause, block.source))
  }
  for (const [i, { offset, text }] of block.statements.entries()) {
    const sql = traced(text, block.traceparent)
    const ran = yield* Effect.result(execute(session, sql, block.params, options, settings.cancelGrace))
    if (ran._tag === "Failure") {
      return fail(
        problemOf(ran.failure, block, { statement: i, block: block.text, offset, length: text.length })
      )
    }
    results.push(ran.success.result)
    for (const name of ran.success.unsayable) unsayable.add(name)
  }
  if (single) {
    const committed = yield* Effect.result(simple(session, "COMMIT"))
    if (committed._tag === "Failure") return fail(failureOf(committed.failure.cause, block.source))
  } else if (session.client.getTransactionStatus() !== "I") return fail(leftOpen(block.source))
  return {
    results,
    unsayable,
    error: undefined,
    transaction: single ? "committed" : undefined
  } satisfies Ended
})

const problemOf = ({ cause }: SqlFailure, block: Block, place: Place): Failure.Failure =>
  cause instanceof Error && cause.message.startsWith("no value for ")
    ? Failure.make("config", `Database error: ${cause.message}`, {
        source: block.source,
        detail: { statement: place.statement }
      })
    : failureOf(cause, block.source, place)

/** To commit what the author began would be a guess, and to say nothing would lose it. */
const leftOpen = (source: string): Failure.Failure =>
  Failure.make(
    "db_error",
    "Database error: the block ends inside a transaction that it began; it is rolled back",
    { code: "TRANSACTION_LEFT_OPEN", source }
  )
