/**
 * The bytes that a PostgreSQL server sends, before the driver sees them.
 *
 * The driver collects a whole message before it hands anything over, so a single cell of 200 MB costs several times
 * that. Here the frames are known by their headers alone: rows beyond a budget are dropped as they come, whatever their
 * size, and the rows of a COPY go to the reader without being taken apart.
 */
import type { PoolClient } from "pg"

/** Rows of a COPY. `piece` holds whole or partial frames: header and row. */
export interface CopySink {
  readonly piece: (piece: Buffer) => void
  /** A row ended, before its piece is handed over; the answer is whether the piece is to end here. */
  readonly row: () => boolean
}

export class Wire {
  /** Bytes of rows that may still pass; the first row that does not fit ends all passing. */
  budget = Number.POSITIVE_INFINITY
  /** Bytes of rows that passed, and rows that did not, since `begin`. */
  passed = 0
  dropped = 0
  copy: CopySink | undefined

  private held: Buffer | undefined
  private remaining = 0
  private fate: Fate = forward
  private readonly driver: (chunk: Buffer) => void

  constructor(driver: (chunk: Buffer) => void) {
    this.driver = driver
  }

  begin(budget: number): void {
    this.budget = budget
    this.passed = 0
    this.dropped = 0
  }

  feed(incoming: Buffer): void {
    const chunk = this.held === undefined ? incoming : Buffer.concat([this.held, incoming])
    this.held = undefined
    let from = 0
    let at = 0
    while (at < chunk.length) {
      if (this.remaining === 0) {
        if (chunk.length - at < headerLength) break
        const fate = this.fateOf(chunk, at)
        if (fate !== this.fate) {
          this.deliver(chunk.subarray(from, at))
          from = at
          this.fate = fate
        }
        this.remaining = chunk.readUInt32BE(at + 1) + 1
      }
      const step = Math.min(this.remaining, chunk.length - at)
      this.remaining -= step
      at += step
      if (this.remaining === 0 && this.fate === toCopy && this.copy?.row() === true) {
        this.deliver(chunk.subarray(from, at))
        from = at
      }
    }
    this.deliver(chunk.subarray(from, at))
    // A copy: the owner of the piece before it may release the memory of both.
    if (at < chunk.length) this.held = Buffer.from(chunk.subarray(at))
  }

  private fateOf(chunk: Buffer, at: number): Fate {
    const type = chunk[at]
    if (type === copyData && this.copy !== undefined) return toCopy
    if (type !== dataRow) return forward
    const length = chunk.readUInt32BE(at + 1)
    if (this.dropped === 0 && this.passed + length <= this.budget) {
      this.passed += length
      return forward
    }
    this.dropped++
    return drop
  }

  private deliver(piece: Buffer): void {
    if (piece.length === 0 || this.fate === drop) return
    if (this.fate === toCopy) this.copy?.piece(piece)
    else this.driver(piece)
  }
}

/** Puts a Wire between a connected client's socket and its parser. */
export const install = (client: PoolClient): Wire => {
  const { stream } = connectionOf(client)
  const driver = stream.listeners("data")[0] as ((chunk: Buffer) => void) | undefined
  if (driver === undefined) throw new Error("pg reads its socket in a way that is not known here")
  const wire = new Wire(driver)
  stream.removeListener("data", driver)
  stream.on("data", (chunk: Buffer) => wire.feed(chunk))
  return wire
}

/** What is used of the driver's connection and is in no declaration of it. */
export interface Connection {
  readonly stream: import("node:net").Socket
  parse(message: {
    readonly name: string
    readonly text: string
    readonly types: ReadonlyArray<number>
  }): void
  bind(message: {
    readonly portal: string
    readonly statement: string
    readonly values: ReadonlyArray<string | null>
    readonly binary: boolean
  }): void
  describe(message: { readonly type: "P" | "S"; readonly name: string }): void
  execute(message: { readonly portal: string; readonly rows: number }): void
  close(message: { readonly type: "P"; readonly name: string }): void
  flush(): void
  sync(): void
  query(text: string): void
  sendCopyFail(message: string): void
  endCopyFrom(): void
}

export const connectionOf = (client: object): Connection =>
  (client as { readonly connection: Connection }).connection

// --- frames ---

type Fate = 0 | 1 | 2
const forward = 0
const drop = 1
const toCopy = 2

const headerLength = 5
const dataRow = 0x44
const copyData = 0x64
