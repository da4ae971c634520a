/** Writes what a target takes, and leaves out the rows that it does not: a unit that fails is halved until its bad rows are alone. */
import { Effect } from "effect"
import type { Failure } from "../../domain/Failure.ts"
import type { ToolError } from "../../domain/ToolError.ts"
import type { Batch, Pull, Writer } from "./Ends.ts"

/** What became of the rows so far. */
export interface Settled {
  committed: number
  skipped: number
  /** The first of those that were left out, with what was wrong. */
  readonly errors: Array<{ readonly row: number; readonly message: string }>
}

const shownErrors = 10

/** Keeps what of a unit can be kept, at once. `first` is the number of its first row, from 1. */
export const keepOrSkip = (
  writer: Writer & Required<Pick<Writer, "undo">>,
  unit: Batch,
  first: number,
  settled: Settled
): Effect.Effect<void, ToolError> =>
  Effect.andThen(writer.write(unit), writer.commit).pipe(
    Effect.andThen(
      Effect.sync(() => {
        settled.committed += unit.rows
      })
    ),
    Effect.catch((error) => {
      if (!isOfARow(error.failure)) return Effect.fail(error)
      return Effect.andThen(
        writer.undo,
        Effect.suspend(() => {
          if (unit.rows > 1) {
            const [left, right] = halves(unit)
            return Effect.andThen(
              keepOrSkip(writer, left, first, settled),
              keepOrSkip(writer, right, first + left.rows, settled)
            )
          }
          settled.skipped++
          if (settled.errors.length < shownErrors) {
            settled.errors.push({ row: first, message: error.failure.message })
          }
          return Effect.void
        })
      )
    })
  )

/** Batches of whole lines, put together to units of `unitRows`. */
export const inUnits = (pull: Pull, unitRows: number): Pull =>
  Effect.gen(function* () {
    const parts: Array<Buffer> = []
    let rows = 0
    while (rows < unitRows) {
      const batch = yield* pull
      if (batch === undefined) break
      parts.push(batch.bytes)
      rows += batch.rows
      // A batch never goes across a multiple of the unit, so one that reaches it ends there.
    }
    return parts.length === 0 ? undefined : { bytes: Buffer.concat(parts), rows, framed: false }
  })

// --- helpers ---

/** Whether another row might do better: values and constraints, not the disk, the connection or the table. */
const isOfARow = ({ code, kind, sqlstate }: Failure): boolean =>
  kind === "db_constraint" ||
  /^(22|23|P0)/.test(sqlstate ?? "") ||
  /^DUCKDB_(CONVERSION|OUT_OF_RANGE|INVALID_INPUT|CONSTRAINT)$/.test(code ?? "")

const newline = 10

const halves = ({ bytes, rows }: Batch): readonly [Batch, Batch] => {
  const half = Math.floor(rows / 2)
  let at = 0
  for (let row = 0; row < half; row++) at = bytes.indexOf(newline, at) + 1
  return [
    { bytes: bytes.subarray(0, at), rows: half, framed: false },
    { bytes: bytes.subarray(at), rows: rows - half, framed: false }
  ]
}
