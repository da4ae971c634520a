/** Moves rows from a source into a target, and counts. */
import { Clock, Effect } from "effect"
import { invalid, type ToolError } from "../../domain/ToolError.ts"
import type { Field, Pull, Source, Target, Writer, Writing } from "./Ends.ts"
import type { ProgressSettings } from "./Progress.ts"
import { inUnits, keepOrSkip, type Settled } from "./skip.ts"

export interface Moved {
  readonly rows: number
  readonly bytes: number
  readonly chunks: number
  readonly settled: Settled
  readonly error: ToolError | undefined
}

interface Count extends Settled {
  rows: number
  bytes: number
  told: number
}

export const move = Effect.fnUntraced(function* (
  source: Source,
  target: Target,
  fields: ReadonlyArray<Field>,
  writing: Writing,
  chunkRows: number,
  progress: ProgressSettings
) {
  const started = yield* Clock.currentTimeMillis
  const count: Count = { rows: 0, bytes: 0, committed: 0, skipped: 0, errors: [], told: started }
  const tell = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    count.told = now
    yield* progress.report({
      direction: `${source.type}_to_${target.type}`,
      target: target.name,
      rows: count.rows,
      bytes: count.bytes,
      committedRows: count.committed,
      elapsedMs: now - started
    })
  })
  const tellNowAndThen = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    now - count.told >= progress.everyMs ? tell : Effect.void
  )
  const all = Effect.gen(function* () {
    const writer = yield* target.open(fields, writing)
    const framed = target.framed && source.type === "postgres" && !writing.skipRows
    const pull = yield* source.read(fields, { chunkRows: writing.commitChunks ? chunkRows : 0, framed })
    if (writing.skipRows) yield* skipping(writer, target, pull, chunkRows, count, tell)
    else yield* plainly(writer, writing, pull, chunkRows, count, { tell, tellNowAndThen })
  })
  const ended = yield* Effect.result(all)
  return {
    rows: count.rows,
    bytes: count.bytes,
    chunks: Math.ceil((count.committed + count.skipped) / chunkRows),
    settled: count,
    error: ended._tag === "Failure" ? ended.failure : undefined
  } satisfies Moved
})

// --- helpers ---

const plainly = Effect.fnUntraced(function* (
  writer: Writer,
  { commitChunks }: Writing,
  pull: Pull,
  chunkRows: number,
  count: Count,
  {
    tell,
    tellNowAndThen
  }: { readonly tell: Effect.Effect<void>; readonly tellNowAndThen: Effect.Effect<void> }
) {
  const commit = Effect.gen(function* () {
    yield* writer.commit
    count.committed = count.rows
    yield* tell
  })
  for (;;) {
    const batch = yield* pull
    if (batch === undefined) break
    const { length } = batch.bytes
    yield* writer.write(batch)
    count.rows += batch.rows
    count.bytes += length
    if (commitChunks && count.rows > count.committed && count.rows % chunkRows === 0) yield* commit
    else yield* tellNowAndThen
  }
  if (!commitChunks || count.rows > count.committed || count.rows === 0) yield* commit
})

const skipping = Effect.fnUntraced(function* (
  writer: Writer,
  target: Target,
  pull: Pull,
  chunkRows: number,
  count: Count,
  tell: Effect.Effect<void>
) {
  const { undo } = writer
  if (undo === undefined) {
    return yield* invalid(
      { kind: "transfer" },
      "on_error",
      `a target of type ${target.type} takes all rows or none`
    )
  }
  const units = inUnits(pull, chunkRows)
  for (;;) {
    const unit = yield* units
    if (unit === undefined) break
    const first = count.rows + 1
    count.rows += unit.rows
    count.bytes += unit.bytes.length
    yield* keepOrSkip({ ...writer, undo }, unit, first, count)
    yield* tell
  }
  // A target that is to be replaced by nothing is empty.
  if (count.committed === 0) yield* writer.commit
})
