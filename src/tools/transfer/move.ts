/** Moves rows from a source into a target, and counts. */
import { Clock, Effect } from "effect"
import type { ToolError } from "../ToolError.ts"
import type { Field, Source, Target, Writer, Writing } from "./Ends.ts"
import type { ProgressSettings } from "./Progress.ts"

export interface Moved {
  readonly rows: number
  readonly bytes: number
  readonly chunks: number
  readonly committedRows: number
  readonly error: ToolError | undefined
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
  const count = { rows: 0, bytes: 0, committed: 0, told: started }
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
  const commit = (writer: Writer) =>
    Effect.andThen(
      writer.commit,
      Effect.suspend(() => {
        count.committed = count.rows
        return tell
      })
    )
  const all = Effect.gen(function* () {
    const writer = yield* target.open(fields, writing)
    const framed = target.framed && source.type === "postgres"
    const pull = yield* source.read(fields, { chunkRows: writing.commitChunks ? chunkRows : 0, framed })
    for (;;) {
      const batch = yield* pull
      if (batch === undefined) break
      yield* writer.write(batch)
      count.rows += batch.rows
      count.bytes += batch.bytes.length
      if (writing.commitChunks && count.rows > count.committed && count.rows % chunkRows === 0)
        yield* commit(writer)
      else if ((yield* Clock.currentTimeMillis) - count.told >= progress.everyMs) yield* tell
    }
    if (!writing.commitChunks || count.rows > count.committed || count.rows === 0) yield* commit(writer)
  })
  const ended = yield* Effect.result(all)
  return {
    rows: count.rows,
    bytes: count.bytes,
    chunks: Math.ceil(count.committed / chunkRows),
    committedRows: count.committed,
    error: ended._tag === "Failure" ? ended.failure : undefined
  } satisfies Moved
})
