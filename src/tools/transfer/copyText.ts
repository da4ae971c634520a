/** Lines of PostgreSQL's COPY text, and its frames: made, read, framed and taken out of their frames. */
import * as JsonText from "../../domain/Json.ts"
import type { Json } from "../../domain/Json.ts"
import { literalOf } from "../postgres/arrays.ts"
import { doubleOf, type ExactNumber, isExact } from "../../domain/ExactNumber.ts"
import type { Batch, Kind, Type } from "./Ends.ts"

/** A value as a column of a line. */
export const columnOf = (value: Json | undefined, type: Type, arrays = true): string => {
  if (value === null || value === undefined) return String.raw`\N`
  switch (typeof value) {
    case "string":
      return escaped(type.kind === "json" ? JsonText.stringify(value) : value)
    case "object":
      if (isExact(value)) return numberOf(value, type)
      if (type.kind === "bytes" || !Array.isArray(value)) return escaped(JsonText.stringify(value))
      return escaped(
        type.kind === "list" && arrays
          ? literalOf(membersOf(value as ReadonlyArray<Json>, type))
          : JsonText.stringify(value)
      )
    default:
      return String(value)
  }
}

/** The columns of a line: text or NULL. */
export const columnsOf = (line: string): ReadonlyArray<string | null> => {
  const columns = line.split("\t")
  return line.includes("\\")
    ? columns.map((one) => (one === String.raw`\N` ? null : unescaped(one)))
    : columns
}

/** The columns of each line of a batch without frames. */
export const rowsOf = ({ bytes, rows }: Batch): ReadonlyArray<ReadonlyArray<string | null>> =>
  rows === 0 ? [] : bytes.toString("utf8").split("\n").slice(0, rows).map(columnsOf)

/** One frame around lines; the server does not mind where lines begin. */
export const frameOf = (lines: Buffer): Buffer => {
  const header = Buffer.allocUnsafe(5)
  header[0] = 0x64
  header.writeUInt32BE(lines.length + 4, 1)
  return Buffer.concat([header, lines])
}

/** Takes lines out of frames that come in pieces. Gives whole lines; what is not whole yet waits. */
export class Deframer {
  private waiting = Buffer.alloc(0)

  take(piece: Buffer): Buffer {
    const input = this.waiting.length === 0 ? piece : Buffer.concat([this.waiting, piece])
    const output = Buffer.allocUnsafe(input.length)
    let at = 0
    let to = 0
    while (input.length - at >= 5) {
      const end = at + 1 + input.readUInt32BE(at + 1)
      if (end > input.length) break
      to += input.copy(output, to, at + 5, end)
      at = end
    }
    this.waiting = at === input.length ? Buffer.alloc(0) : Buffer.from(input.subarray(at))
    return output.subarray(0, to)
  }
}

// --- helpers ---

const integers: ReadonlySet<Kind> = new Set<Kind>(["int2", "int4", "int8"])

/** As it is written, but for integers: `20.0` is one to JSON and none to a database. */
const numberOf = (value: ExactNumber, { kind }: Type): string => {
  const double = doubleOf(value)
  return integers.has(kind) && Number.isSafeInteger(double) ? String(double) : value.rawJSON
}

const membersOf = (list: ReadonlyArray<Json>, type: Type): ReadonlyArray<Json> =>
  list.map((one) => {
    if (Array.isArray(one)) return membersOf(one as ReadonlyArray<Json>, type)
    return isExact(one) ? numberOf(one, type.item ?? type) : one
  })

const special = /[\\\t\n\r]/g
const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" }

const escaped = (text: string): string => text.replace(special, (c) => escapes[c] ?? c)

const plain: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", b: "\b", f: "\f", v: "\v" }

const unescaped = (text: string): string => text.replaceAll(/\\(.)/gs, (_, c: string) => plain[c] ?? c)
