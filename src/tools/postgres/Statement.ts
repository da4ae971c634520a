/**
 * One statement in the extended protocol, read in batches. A portal is asked for some rows at a time, so that what is
 * beyond the limits is not even computed. A statement that may have effects runs to its end all the same: the server is
 * asked about that when there is more than is wanted. `maxRows` 0 asks for all rows at once.
 */
import type { Submittable } from "pg"
import type { Json } from "../../domain/Json.ts"
import { type Limits, rowMaker, type Row, uniqueNames } from "../Rows.ts"
import { hasWrites } from "../sql/effects.ts"
import { isFloat, type NumberForms, parserOf, type PgType, type Parse } from "./types.ts"
import { namesOf, volatileSql } from "./volatility.ts"
import type { Connection, Wire } from "./Wire.ts"

export interface Request {
  readonly text: string
  readonly values: ReadonlyArray<string | null>
  readonly limits: Limits
  readonly asObjects: boolean
  readonly numbers: NumberForms
  readonly types: (oid: number) => PgType | undefined
}

export interface Answer {
  /** `INSERT 0 3`; undefined for an empty statement. */
  readonly tag: string | undefined
  readonly columns: ReadonlyArray<Column> | undefined
  /** Rows that came, those beyond the limits included. */
  readonly seen: number
  readonly rows: ReadonlyArray<Row>
  readonly truncated: "rows" | "bytes" | undefined
  /** Columns whose rows are text still, because their type was not known. */
  readonly unread: ReadonlyArray<number>
  /** Columns with a value that JSON cannot say, which became null. */
  readonly unsayable: ReadonlySet<string>
}

export interface Column {
  readonly name: string
  readonly oid: number
}

interface RowDescription {
  readonly fields: ReadonlyArray<{ readonly name: string; readonly dataTypeID: number }>
}

const firstBatch = 100
const largestBatch = 20_000
const asking = "noetl_asking"

export class Statement implements Submittable {
  private readonly request: Request
  private readonly wire: Wire
  private readonly done: (error: unknown, answer?: Answer) => void
  private columns: ReadonlyArray<Column> | undefined
  private parsers: ReadonlyArray<Parse> = []
  private make: (values: ReadonlyArray<Json>) => Row = (values) => values
  private readonly rows: Array<Row> = []
  private unread: ReadonlyArray<number> = []
  private readonly unsayable = new Set<string>()
  private truncated: "rows" | "bytes" | undefined
  private tag: string | undefined
  private seen = 0
  private copy = false
  private batch = 0
  private ended = false
  /** Whether it has to run to its end; undefined while that is not known. */
  private hasEffects: boolean | undefined
  private isAsking = false

  constructor(request: Request, wire: Wire, done: (error: unknown, answer?: Answer) => void) {
    this.request = request
    this.hasEffects = hasWrites(request.text) ? true : undefined
    this.wire = wire
    this.done = done
  }

  /** The driver's declarations say `void`; what it is given is the connection. */
  submit(connection: unknown): void {
    const wire = connection as Connection
    const { limits, text, values } = this.request
    this.wire.begin(limits.maxBytes)
    this.batch = limits.maxRows === 0 ? 0 : Math.min(firstBatch, limits.maxRows + 1)
    wire.stream.cork()
    wire.parse({ name: "", text, types: [] })
    wire.bind({ portal: "", statement: "", values, binary: false })
    wire.describe({ type: "P", name: "" })
    wire.execute({ portal: "", rows: this.batch })
    wire.flush()
    wire.stream.uncork()
  }

  handleRowDescription({ fields }: RowDescription): void {
    const names = uniqueNames(fields.map((field) => field.name))
    this.columns = fields.map((field, i) => ({ name: names[i] ?? field.name, oid: field.dataTypeID }))
    const { asObjects, numbers, types } = this.request
    this.parsers = this.columns.map(({ oid }) => parserOf(oid, types, numbers))
    this.unread = this.columns.flatMap(({ oid }, i) => (types(oid) === undefined ? [i] : []))
    this.make = rowMaker(names, asObjects)
  }

  handleDataRow({ fields }: { readonly fields: ReadonlyArray<string | null> }): void {
    if (this.isAsking) {
      this.hasEffects = fields[0] !== "f"
      return
    }
    const { maxRows } = this.request.limits
    this.seen++
    if (this.truncated !== undefined) return
    if (maxRows > 0 && this.rows.length >= maxRows) {
      this.truncated = "rows"
      return
    }
    const values: Array<Json> = []
    for (let i = 0; i < fields.length; i++) {
      const text = fields[i]
      values.push(text === null || text === undefined ? null : this.read(i, text))
    }
    this.rows.push(this.make(values))
  }

  private read(i: number, text: string): Json {
    const value = this.parsers[i]?.(text) ?? null
    if (value === null && isFloat(this.columns?.[i]?.oid ?? 0))
      this.unsayable.add(this.columns?.[i]?.name ?? "")
    return value
  }

  handlePortalSuspended(connection: Connection): void {
    if (this.wire.dropped > 0) this.truncated ??= "bytes"
    const isFull = this.truncated !== undefined || this.isFull()
    if (isFull) {
      this.truncated ??= "rows"
      this.goOnOrLeave(connection)
      return
    }
    this.batch = this.nextBatch()
    connection.execute({ portal: "", rows: this.batch })
    connection.flush()
  }

  private goOnOrLeave(connection: Connection): void {
    if (this.hasEffects === undefined) return this.ask(connection)
    if (!this.hasEffects) return connection.sync()
    // All that is left, and none of it is for the driver to take apart
    this.wireFor(0)
    connection.execute({ portal: "", rows: 0 })
    connection.flush()
  }

  /** In a portal beside the one that waits: both end with the transaction, or this one before. */
  private ask(connection: Connection): void {
    this.isAsking = true
    this.wireFor(Number.POSITIVE_INFINITY)
    connection.parse({ name: "", text: volatileSql, types: [] })
    connection.bind({
      portal: asking,
      statement: "",
      values: [namesOf(this.request.text)],
      binary: false
    })
    connection.execute({ portal: asking, rows: 0 })
    connection.close({ type: "P", name: asking })
    connection.flush()
  }

  private wireFor(bytes: number): void {
    this.seen += this.wire.dropped
    this.wire.begin(bytes)
  }

  /** As many rows as are wanted and, by what rows cost until now, have room. */
  private nextBatch(): number {
    const { maxBytes, maxRows } = this.request.limits
    const each = Math.max(1, this.wire.passed / Math.max(1, this.rows.length))
    const room = Math.ceil((maxBytes - this.wire.passed) / each) + 1
    return Math.max(1, Math.min(this.batch * 4, largestBatch, room, maxRows + 1 - this.rows.length))
  }

  private isFull(): boolean {
    const { maxRows } = this.request.limits
    return maxRows > 0 && this.rows.length > maxRows
  }

  handleCommandComplete({ text }: { readonly text: string }, connection: Connection): void {
    if (this.isAsking) {
      this.isAsking = false
      this.goOnOrLeave(connection)
      return
    }
    this.tag = text
    if (this.wire.dropped > 0) this.truncated ??= "bytes"
    connection.sync()
  }

  handleEmptyQuery(connection: Connection): void {
    connection.sync()
  }

  handleCopyInResponse(connection: Connection): void {
    connection.sendCopyFail("COPY FROM STDIN needs the transfer tool")
  }

  /** Rows of COPY TO STDOUT: not kept, and said at the end. */
  handleCopyData(): void {
    this.copy = true
  }

  handleError(error: unknown, connection: Connection): void {
    // An error of the server ends the statement; until Sync it ignores everything.
    if (isServerError(error)) connection.sync()
    this.end(error)
  }

  handleReadyForQuery(): void {
    if (this.copy) return this.end(new CopyRefused())
    this.end(undefined, {
      tag: this.tag ?? this.tagOfRows(),
      columns: this.columns,
      seen: this.seen + this.wire.dropped,
      rows: this.rows,
      truncated: this.truncated,
      unread: this.unread,
      unsayable: this.unsayable
    })
  }

  /** A portal that was left has no tag. */
  private tagOfRows(): string | undefined {
    return this.columns === undefined ? undefined : `SELECT ${this.rows.length}`
  }

  private end(error: unknown, answer?: Answer): void {
    if (this.ended) return
    this.ended = true
    this.wire.begin(Number.POSITIVE_INFINITY)
    this.done(error, answer)
  }
}

/** The rows of COPY TO STDOUT have no receiver. */
export class CopyRefused extends Error {
  constructor() {
    super("COPY TO STDOUT needs the transfer tool")
  }
}

/** What the server said, in the words of its protocol. */
export interface ServerError {
  readonly message: string
  readonly code: string
  readonly severity: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  readonly position?: string | undefined
  readonly where?: string | undefined
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly column?: string | undefined
  readonly constraint?: string | undefined
}

export const isServerError = (error: unknown): error is ServerError =>
  typeof error === "object" &&
  error !== null &&
  "severity" in error &&
  "code" in error &&
  typeof error.code === "string" &&
  error.code.length === 5
