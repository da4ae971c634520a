/** CSV, Parquet and JSON-lines files as ends of a transfer, read and written by a DuckDB database of their own. */
import { Effect, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { existsSync, statSync } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { jsonRows } from "./jsonFile.ts"
import { joinFiles } from "./joinFiles.ts"
import { basename, dirname, join } from "node:path"
import * as Failure from "../../domain/Failure.ts"
import { messageOf } from "../../domain/messageOf.ts"
import * as Coerced from "../Coerced.ts"
import { Databases, type Session } from "../duckdb/Databases.ts"
import { quoteName, quoteText } from "../sql/tokens.ts"
import { invalid, ExecutionFailed, ToolError } from "../../domain/ToolError.ts"
import { describe, sourceOf } from "./duckdbEnd.ts"
import { run } from "./duckdbSql.ts"
import { duckdbName } from "./duckdbTypes.ts"
import { openWriter } from "./duckdbWriter.ts"
import type { Column, Field, Pull, Source, Target, Writer, Writing } from "./Ends.ts"

const formats = ["csv", "parquet", "jsonl", "json"] as const
type Format = (typeof formats)[number]

export const Config = Schema.Struct({
  path: Coerced.optional(Schema.String),
  file: Coerced.optional(Schema.String),
  format: Coerced.optional(Schema.Literals(formats)),
  header: Coerced.optional(Coerced.Boolean),
  delimiter: Coerced.optional(Schema.String.check(Schema.isPattern(/^.$/s))),
  /** SQL over the table `file`. */
  query: Coerced.optional(Schema.String)
})
type Config = typeof Config.Type

interface Call {
  readonly kind: string
  readonly executionId: string
}

export const source = Effect.fnUntraced(function* (config: Config, call: Call, kind: string) {
  const { file, format } = yield* fileOf(config, call, kind, "source")
  if (!existsSync(file)) return yield* invalid(call, "source.path", `there is no file ${file}`)
  const databases = yield* Databases
  const session = yield* databases.session({ _tag: "Memory" }, call.kind)
  const rows = yield* rowsSql(session, file, format, config, call)
  if (rows === undefined)
    return { type: kind, columns: [], read: () => Effect.succeed(nothing) } satisfies Source
  yield* run(session, `CREATE VIEW file AS ${rows}`, call)
  return yield* sourceOf(session, config.query ?? "SELECT * FROM file", kind, call)
})

export const target = Effect.fnUntraced(function* (config: Config, call: Call, kind: string) {
  const { file, format } = yield* fileOf(config, call, kind, "target")
  const databases = yield* Databases
  return {
    type: kind,
    name: file,
    columns: undefined,
    framed: false,
    open: (fields, writing) => openFile(databases, config, file, format, fields, writing, call)
  } satisfies Target & { readonly columns: undefined }
})

// --- helpers ---

const table = `"noetl_file"`

const nothing: Pull = Effect.as(Effect.void, undefined)

/** The query for a file's rows; undefined where it has none, and no column either. */
const rowsSql = Effect.fnUntraced(function* (
  session: Session,
  file: string,
  format: Format,
  config: Config,
  call: Call
) {
  if (format === "jsonl") return yield* jsonRows(session, file, ", format = 'newline_delimited'", call)
  if (format === "json") return yield* jsonRows(session, file, "", call)
  const isEmpty = format === "csv" && statSync(file).size === 0
  return isEmpty ? undefined : `SELECT * FROM ${readSql(file, format, config)}`
})

const openFile = Effect.fnUntraced(function* (
  databases: Databases["Service"],
  config: Config,
  file: string,
  format: Format,
  fields: ReadonlyArray<Field>,
  writing: Writing,
  call: Call
) {
  if (writing.mode === "upsert" || writing.mode === "custom") {
    return yield* invalid(call, "mode", "a file takes append and replace")
  }
  if (writing.commitChunks) return yield* invalid(call, "commit", "a file is there as a whole or not at all")
  const appends = writing.mode === "append" && existsSync(file)
  const compression = compressionOf(file)
  if (compression !== undefined && (appends || format === "parquet")) {
    const problem = appends ? "takes no more rows" : "is no Parquet file: Parquet compresses by itself"
    return yield* invalid(
      call,
      "target.path",
      `${file} is compressed as a whole and ${problem}: use mode replace, or a name without .gz and .zst`
    )
  }
  const session = yield* databases.session({ _tag: "Memory" }, call.kind)
  const columns = fields.map(({ to }) => to)
  yield* run(session, `CREATE TABLE ${table} (${columns.map(definition).join(", ")})`, call)
  const writer = yield* openWriter({
    session,
    table: "noetl_file",
    custom: undefined,
    fields,
    writing: { ...writing, mode: "append" },
    call
  })
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID()}`)
  // Columnar files are written anew, with the values that they have; of others nothing is read but the header.
  const before =
    appends && format === "parquet" ? `SELECT * FROM read_parquet(${quoteText(file)}) UNION ALL BY NAME ` : ""
  const list = appends && format === "csv" ? yield* headerOf(session, file, config, columns, call) : "*"
  // The name of the temporary file does not tell
  const compressed = compression === undefined ? "" : `, COMPRESSION ${compression}`
  const options = writeOptions(format, appends ? { ...config, header: false } : config) + compressed
  return {
    write: writer.write,
    // Beside its place first, so that no reader sees half a file.
    commit: Effect.gen(function* () {
      yield* writer.commit
      yield* run(
        session,
        `COPY (${before}SELECT ${list} FROM ${table}) TO ${quoteText(temporary)} (${options})`,
        call
      )
      yield* Effect.tryPromise({
        try: async () => {
          if (appends && format !== "parquet") await joinFiles(file, temporary, format)
          await rename(temporary, file)
        },
        catch: (cause) => moveFailed(cause, call)
      })
    }).pipe(
      Effect.onExit((exit) =>
        exit._tag === "Success" ? Effect.void : Effect.promise(() => rm(temporary, { force: true }))
      )
    )
  } satisfies Writer
})

/** The file's own columns in their order; columns that it does not have are an error. */
const headerOf = Effect.fnUntraced(function* (
  session: Session,
  file: string,
  config: Config,
  columns: ReadonlyArray<Column>,
  call: Call
) {
  if (config.header === false) return "*"
  const known = yield* describe(session, `SELECT * FROM ${readSql(file, "csv", config)} LIMIT 0`, call)
  const missing = columns.filter(({ name }) => !known.some((one) => one.name === name))
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(", ")
    return yield* invalid(
      call,
      "target.path",
      `${file} has no column ${names}, and its rows stay as they are`
    )
  }
  return known
    .map(({ name }) =>
      columns.some((one) => one.name === name) ? quoteName(name) : `NULL AS ${quoteName(name)}`
    )
    .join(", ")
})

const definition = ({ name, type }: Column): string => `${quoteName(name)} ${duckdbName(type)}`

const fileOf = Effect.fnUntraced(function* (
  config: Config,
  call: Call,
  kind: string,
  end: "source" | "target"
) {
  const path = (config.path ?? config.file ?? "").replace(/^file:\/\//, "")
  if (path === "") return yield* invalid(call, `${end}.path`, "Missing")
  const databases = yield* Databases
  const file = databases.fileOf(path)
  if (file === undefined) {
    return yield* invalid(
      call,
      `${end}.path`,
      `${JSON.stringify(path)} lies outside of the directories that DuckDB may use: ` +
        `${databases.directories.join(", ") || "none"} (NOETL_DUCKDB_ALLOW)`
    )
  }
  const format = config.format ?? formatOf(kind, file)
  if (format === undefined) {
    return yield* invalid(call, `${end}.format`, `Missing: one of ${formats.join(", ")}`)
  }
  return { file, format }
})

const formatOf = (kind: string, file: string): Format | undefined => {
  if (formats.includes(kind as Format)) return kind as Format
  const extension = /\.(csv|tsv|parquet|jsonl|ndjson|json)(\.gz|\.zst)?$/i.exec(file)?.[1]?.toLowerCase()
  if (extension === "tsv") return "csv"
  return extension === "ndjson" ? "jsonl" : (extension as Format | undefined)
}

const compressionOf = (file: string): string | undefined =>
  /\.gz$/i.test(file) ? "gzip" : /\.zst$/i.test(file) ? "zstd" : undefined

const readSql = (file: string, format: "csv" | "parquet", { delimiter, header }: Config): string => {
  switch (format) {
    case "parquet":
      return `read_parquet(${quoteText(file)})`
    case "csv": {
      const options = [
        ...(delimiter === undefined || delimiter === null ? [] : [`delim = ${quoteText(delimiter)}`]),
        ...(header === undefined || header === null ? [] : [`header = ${header}`])
      ]
      // Text stays as it is written: its type is the target's. A text in quotes is never NULL.
      const asWritten = ["all_varchar = true", "allow_quoted_nulls = false", "sample_size = -1"]
      return `read_csv(${[quoteText(file), ...asWritten, ...options].join(", ")})`
    }
  }
}

const writeOptions = (format: Format, { delimiter, header }: Config): string => {
  switch (format) {
    case "parquet":
      return "FORMAT parquet"
    case "jsonl":
      return "FORMAT json"
    case "json":
      return "FORMAT json, ARRAY true"
    case "csv":
      return `FORMAT csv, HEADER ${header ?? true}, DELIMITER ${quoteText(delimiter ?? ",")}`
  }
}

const moveFailed = (cause: unknown, call: Call): ToolError =>
  new ToolError({
    tool: call.kind,
    reason: new ExecutionFailed({
      failure: Failure.make("storage_access", `the file cannot be put in its place: ${messageOf(cause)}`, {
        source: call.kind
      })
    })
  })
