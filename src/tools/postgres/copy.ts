/** COPY in both directions, with back-pressure and without taking rows apart. */
import { Effect } from "effect"
import type { Submittable } from "pg"
import type { Session } from "./Pools.ts"
import { release } from "./release.ts"
import { type Connection, connectionOf, type CopySink } from "./Wire.ts"

/** Rows of a COPY TO STDOUT as frames, the last one perhaps not whole. `rows` are those that end in `bytes`. */
export interface Frames {
  readonly bytes: Buffer
  readonly rows: number
}

/**
 * Starts a COPY TO STDOUT and gives its rows on demand; undefined is the end. Where `cutRows` is not 0, a piece ends at
 * every `cutRows`-th row. A failure is the driver's error.
 */
export const copyOut = (
  session: Session,
  sql: string,
  cutRows: number
): Effect.Effect<Effect.Effect<Frames | undefined, unknown>> =>
  Effect.sync(() => {
    const reader = new Reader(connectionOf(session.client), cutRows)
    session.wire.copy = reader
    session.client.query(
      submittable(sql, {
        end: (error) => {
          session.wire.copy = undefined
          reader.end(error)
        }
      })
    )
    return take(reader)
  })

export interface CopyIn {
  /** Frames as they are, in pieces of any size, which are gone then. Ends when there is room for more. */
  readonly write: (frames: Buffer) => Effect.Effect<void, unknown>
  /** Ends the COPY; the answer is how many rows the server took. */
  readonly finish: Effect.Effect<number, unknown>
}

/** Starts a COPY FROM STDIN. A failure is the driver's error. */
export const copyIn = (session: Session, sql: string): Effect.Effect<CopyIn, unknown> =>
  Effect.callback((resume) => {
    const connection = connectionOf(session.client)
    const state: { ended: Ended | undefined; wake: (() => void) | undefined } = {
      ended: undefined,
      wake: undefined
    }
    const write = (frames: Buffer) =>
      Effect.callback<void, unknown>((done) => {
        if (state.ended !== undefined) return done(outcomeOf(state.ended))
        const isRoom = connection.stream.write(frames, (error) => {
          if (error === null || error === undefined) release(frames)
        })
        if (isRoom) return done(Effect.void)
        const drained = () => {
          state.wake = undefined
          done(Effect.void)
        }
        connection.stream.once("drain", drained)
        state.wake = () => {
          connection.stream.removeListener("drain", drained)
          done(outcomeOf(state.ended))
        }
        return Effect.sync(() => connection.stream.removeListener("drain", drained))
      })
    const finish = Effect.callback<number, unknown>((done) => {
      const answer = () => done(Effect.map(outcomeOf(state.ended), () => state.ended?.rows ?? 0))
      if (state.ended !== undefined) return answer()
      state.wake = answer
      connection.endCopyFrom()
    })
    session.client.query(
      submittable(sql, {
        begin: () => resume(Effect.succeed({ write, finish })),
        end: (error, rows) => {
          state.ended = { error, rows }
          // Before it began this is the answer; afterwards there is no listener here.
          resume(Effect.fail(error))
          state.wake?.()
        }
      })
    )
  })

// --- helpers ---

interface Ended {
  readonly error: unknown
  readonly rows: number
}

const outcomeOf = (ended: Ended | undefined): Effect.Effect<void, unknown> =>
  ended?.error === undefined ? Effect.void : Effect.fail(ended.error)

/** When so much waits to be taken, the server is left waiting. */
const highWater = 1024 * 1024

class Reader implements CopySink {
  /** As they came: to put them together would copy every byte. */
  private readonly ready: Array<Frames> = []
  private rows = 0
  private bytes = 0
  private untilCut: number
  private ended: { readonly error: unknown } | undefined
  /** Who waits for more. */
  wake: (() => void) | undefined
  private readonly connection: Connection
  private readonly cutRows: number

  constructor(connection: Connection, cutRows: number) {
    this.connection = connection
    this.cutRows = cutRows === 0 ? Number.POSITIVE_INFINITY : cutRows
    this.untilCut = this.cutRows
  }

  readonly piece = (bytes: Buffer): void => {
    this.ready.push({ bytes, rows: this.rows })
    this.rows = 0
    this.bytes += bytes.length
    if (this.bytes >= highWater) this.connection.stream.pause()
    this.wake?.()
  }

  readonly row = (): boolean => {
    this.rows++
    if (--this.untilCut > 0) return false
    this.untilCut = this.cutRows
    return true
  }

  end(error: unknown): void {
    this.ended = { error }
    this.wake?.()
  }

  /** What is there; "more" where one has to wait. */
  next(): Frames | { readonly end: unknown } | "more" {
    const frames = this.ready.shift()
    if (frames === undefined) return this.ended === undefined ? "more" : { end: this.ended.error }
    this.bytes -= frames.bytes.length
    if (this.bytes < highWater && this.connection.stream.isPaused()) this.connection.stream.resume()
    return frames
  }
}

const take = (reader: Reader): Effect.Effect<Frames | undefined, unknown> =>
  Effect.callback((resume) => {
    const tryRead = (): void => {
      const next = reader.next()
      if (next === "more") return
      reader.wake = undefined
      if (!("end" in next)) resume(Effect.succeed(next))
      else resume(next.end === undefined ? Effect.succeed(undefined) : Effect.fail(next.end))
    }
    reader.wake = tryRead
    tryRead()
    return Effect.sync(() => {
      reader.wake = undefined
    })
  })

interface Events {
  readonly begin?: () => void
  readonly end: (error: unknown, rows: number) => void
}

const submittable = (sql: string, { begin, end }: Events): Submittable => {
  let rows = 0
  const query = {
    submit: (connection: unknown) => (connection as Connection).query(sql),
    handleCopyInResponse: () => begin?.(),
    handleRowDescription: () => undefined,
    handleDataRow: () => undefined,
    handleCopyData: () => undefined,
    handleCommandComplete: ({ text }: { readonly text: string }) => {
      rows = Number(/\d+$/.exec(text)?.[0] ?? 0)
    },
    handleError: (error: unknown) => end(error, rows),
    handleReadyForQuery: () => end(undefined, rows)
  }
  return query
}
