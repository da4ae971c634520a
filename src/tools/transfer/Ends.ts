/**
 * What a transfer moves, and its two ends.
 *
 * Between them rows are lines of PostgreSQL's COPY text: columns parted by tabs, `\N` for NULL, `\t \n \r \\` for the
 * characters of those names. Every end can make or read them without the rows becoming objects on the way.
 */
import type { Effect, Scope } from "effect"
import type { Json } from "../../domain/Json.ts"
import type { ToolError } from "../../domain/ToolError.ts"

/** What a value is, whatever the database calls it. */
export type Kind =
  | "boolean"
  | "int2"
  | "int4"
  | "int8"
  | "decimal"
  | "float4"
  | "float8"
  | "text"
  | "bytes"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "interval"
  | "uuid"
  | "json"
  | "list"

export interface Type {
  readonly kind: Kind
  readonly precision?: number
  readonly scale?: number
  /** Of a list's members. */
  readonly item?: Type
}

export interface Column {
  readonly name: string
  readonly type: Type
}

/** One column on its way: where it comes from and where it goes. */
export interface Field {
  /** A column or a dotted path of the source, or a value that is the same in all rows. */
  readonly from: { readonly name: string } | { readonly value: Json }
  readonly type: Type
  readonly to: Column
  /** Whether lists go as PostgreSQL's array literals; else as JSON. */
  readonly arrays: boolean
}

/** Rows on their way. */
export interface Batch {
  readonly bytes: Buffer
  readonly rows: number
  /** Rows are frames of PostgreSQL's protocol, as they came and perhaps not whole; else they are whole lines. */
  readonly framed: boolean
}

export interface Source {
  /** `postgres`, `duckdb`, `http`, … */
  readonly type: string
  /** What there is; empty where only the rows tell. */
  readonly columns: ReadonlyArray<Column>
  /**
   * Starts reading, and gives the rows on demand; undefined is the end. No batch goes across a multiple of
   * `chunkRows`, and a batch that reaches one ends there.
   */
  readonly read: (
    fields: ReadonlyArray<Field>,
    options: { readonly chunkRows: number; readonly framed: boolean }
  ) => Effect.Effect<Pull, ToolError, Scope.Scope>
}

export type Pull = Effect.Effect<Batch | undefined, ToolError>

export interface Target {
  readonly type: string
  /** For results and messages. */
  readonly name: string
  /** The columns that are there already; undefined where the target is made of what comes. */
  readonly columns: ReadonlyArray<Column> | undefined
  /** Whether it takes rows as frames. */
  readonly framed: boolean
  /** Whether a statement of the author's own says what happens to a row. */
  readonly custom?: boolean
  readonly open: (
    fields: ReadonlyArray<Field>,
    writing: Writing
  ) => Effect.Effect<Writer, ToolError, Scope.Scope>
}

export const modes = ["append", "replace", "upsert", "custom"] as const
export type Mode = (typeof modes)[number]

export interface Writing {
  readonly mode: Mode
  readonly keys: ReadonlyArray<string>
  /** Whether each chunk is kept as soon as it is there. */
  readonly commitChunks: boolean
  /** Whether rows that the target refuses are left out. Chunks are committed then. */
  readonly skipRows: boolean
}

/** A target that is open. What was written and not committed is gone when its scope closes. */
export interface Writer {
  /** The bytes of a batch are the writer's from now on. */
  readonly write: (batch: Batch) => Effect.Effect<void, ToolError>
  /** Keeps what was written. More may follow, up to the next commit. */
  readonly commit: Effect.Effect<void, ToolError>
  /** Takes back what was written since the last commit, after a failure. Not every target can. */
  readonly undo?: Effect.Effect<void, ToolError>
}
