/** One statement for many rows of values, sent without waiting for an answer in between. */
import { Effect } from "effect"
import type { Submittable } from "pg"
import type { Session } from "./Pools.ts"
import type { Connection } from "./Wire.ts"

/** What it answers is dropped. A failure is the driver's error, and the rows after it are not run. */
export const runForEach = (
  session: Session,
  text: string,
  rows: ReadonlyArray<ReadonlyArray<string | null>>
): Effect.Effect<void, unknown> =>
  Effect.callback((resume) => {
    const query: Submittable & Handlers = {
      submit: (connection: unknown) => {
        const wire = connection as Connection
        wire.stream.cork()
        wire.parse({ name: "", text, types: [] })
        for (const values of rows) {
          wire.bind({ portal: "", statement: "", values, binary: false })
          wire.execute({ portal: "", rows: 0 })
        }
        wire.sync()
        wire.stream.uncork()
      },
      // The server passes over everything up to the sync by itself.
      handleError: (error) => resume(Effect.fail(error)),
      handleReadyForQuery: () => resume(Effect.void),
      handleRowDescription: ignored,
      handleDataRow: ignored,
      handleCommandComplete: ignored,
      handleEmptyQuery: ignored,
      handlePortalSuspended: ignored
    }
    session.client.query(query)
  })

// --- helpers ---

/** What the driver calls and does not declare. */
interface Handlers {
  readonly handleError: (error: unknown) => void
  readonly handleReadyForQuery: () => void
  readonly handleRowDescription: () => void
  readonly handleDataRow: () => void
  readonly handleCommandComplete: () => void
  readonly handleEmptyQuery: () => void
  readonly handlePortalSuspended: () => void
}

const ignored = (): void => undefined
