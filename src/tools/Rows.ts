/** The tabular result that the SQL tools share: every statement under `command_<n>`, the last rows at the top. */
import type { Json, JsonObject } from "../domain/Json.ts"

export type Row = JsonObject | ReadonlyArray<Json>

/** What one statement gave. */
export interface StatementResult {
  /** `SELECT`, `INSERT`, `CREATE TABLE`, … */
  readonly command: string
  /** Absent for a statement that returns no rows; empty columns never happen. */
  readonly table?: Table
  readonly affectedRows?: number
}

export interface Table {
  readonly columns: ReadonlyArray<string>
  readonly columnTypes: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
  /** Which limit ended the reading. */
  readonly truncated?: "rows" | "bytes"
}

/** What is kept of a result. Zero rows means all of them, up to the bytes. */
export interface Limits {
  readonly maxRows: number
  readonly maxBytes: number
}

export const dataOf = (statements: ReadonlyArray<StatementResult>, more: JsonObject = {}): JsonObject => ({
  ...topOf(statements),
  statements: statements.map(summaryOf),
  ...Object.fromEntries(statements.map((one, i): [string, JsonObject] => [`command_${i}`, commandOf(one)])),
  ...more
})

/** Names for the keys of a row: a name that comes twice is numbered, so that no value is lost. */
export const uniqueNames = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  return names.map((name) => {
    let unique = name
    for (let n = 2; taken.has(unique); n++) unique = `${name}_${n}`
    taken.add(unique)
    return unique
  })
}

/** Makes a row of values in the order of the columns. */
export const rowMaker = (
  names: ReadonlyArray<string>,
  asObjects: boolean
): ((values: ReadonlyArray<Json>) => Row) => {
  if (!asObjects) return (values) => values
  // Assigning to `__proto__` would set no key.
  if (names.includes("__proto__"))
    return (values) => Object.fromEntries(names.map((name, i) => [name, values[i] ?? null]))
  return (values) => {
    const row: Record<string, Json> = {}
    for (let i = 0; i < names.length; i++) row[names[i] ?? ""] = values[i] ?? null
    return row
  }
}

// --- helpers ---

const topOf = (statements: ReadonlyArray<StatementResult>): JsonObject => {
  const last = statements.at(-1)
  const withRows = statements.findLast((one) => one.table !== undefined)
  const shown = withRows ?? last
  if (shown === undefined) return { affected_rows: 0, row_count: 0 }
  return { command: shown.command, ...tableOf(shown), ...countsOf(shown) }
}

const commandOf = (one: StatementResult): JsonObject => ({
  status: "success",
  command: one.command,
  ...tableOf(one),
  ...countsOf(one)
})

const summaryOf = (one: StatementResult): JsonObject => ({ command: one.command, ...countsOf(one) })

const tableOf = ({ table }: StatementResult): JsonObject =>
  table === undefined ? {} : { columns: table.columns, column_types: table.columnTypes, rows: table.rows }

const countsOf = ({ table, affectedRows }: StatementResult): JsonObject => ({
  row_count: table?.rows.length ?? affectedRows ?? 0,
  ...(affectedRows === undefined ? {} : { affected_rows: affectedRows }),
  ...(table?.truncated === undefined ? {} : { truncated: true, truncated_by: table.truncated })
})
