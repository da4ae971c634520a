/** How far a transfer is, told while it runs. */
import { Context, Effect } from "effect"

export interface Progress {
  readonly direction: string
  readonly target: string
  readonly rows: number
  readonly bytes: number
  /** Rows that are there for good. */
  readonly committedRows: number
  readonly elapsedMs: number
}

export interface ProgressSettings {
  /** Told at every commit, and in between at most so often. */
  readonly everyMs: number
  readonly report: (progress: Progress) => Effect.Effect<void>
}

/** Read once, by the layer; `Layer.succeed(TransferProgress, {…})` around it changes it. By default it is logged. */
export const TransferProgress = Context.Reference<ProgressSettings>("noetl-worker/tools/transfer/Progress", {
  defaultValue: () => ({
    everyMs: 5000,
    report: ({ bytes, committedRows, direction, elapsedMs, rows, target }) =>
      Effect.logInfo(
        `transfer ${direction} to ${target}: ${rows} rows, ${bytes} bytes, ${committedRows} rows committed after ${elapsedMs} ms`
      )
  })
})
