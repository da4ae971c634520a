/**
 * PostgreSQL's text form of a value → JSON, type by type.
 *
 * Nothing becomes null but NULL and the float values that JSON cannot say; a type without a rule keeps its text.
 */
import { Result } from "effect"
import { float } from "../../domain/ExactNumber.ts"
import * as Json from "../../domain/Json.ts"
import { arrayOf } from "./arrays.ts"
import { timestampOf, timestamptzOf } from "./times.ts"

export type Parse = (text: string) => Json.Json

export interface NumberForms {
  /** Numeric as decimal text, exact, or as a number. */
  readonly numeric: "string" | "number"
  /** 64-bit integers as integers, exact, or as text. */
  readonly int8: "number" | "string"
}

export const exactNumbers: NumberForms = { numeric: "string", int8: "number" }

/** What is known of a type: from PostgreSQL's own fixed numbers, else from `pg_type`. */
export interface PgType {
  readonly name: string
  /** The type of the elements, for an array. */
  readonly element?: number
  readonly delimiter?: string
  /** The type that a domain is made of: only in arrays a value comes as the domain's. */
  readonly base?: number
}

/** Types whose numbers are the same in every database. */
export const builtin: ReadonlyMap<number, PgType> = new Map(
  (
    [
      [16, "bool", 1000],
      [17, "bytea", 1001],
      [18, "char", 1002],
      [19, "name", 1003],
      [20, "int8", 1016],
      [21, "int2", 1005],
      [23, "int4", 1007],
      [25, "text", 1009],
      [26, "oid", 1028],
      [114, "json", 199],
      [142, "xml", 143],
      [600, "point", 1017],
      [650, "cidr", 651],
      [700, "float4", 1021],
      [701, "float8", 1022],
      [790, "money", 791],
      [829, "macaddr", 1040],
      [869, "inet", 1041],
      [1042, "bpchar", 1014],
      [1043, "varchar", 1015],
      [1082, "date", 1182],
      [1083, "time", 1183],
      [1114, "timestamp", 1115],
      [1184, "timestamptz", 1185],
      [1186, "interval", 1187],
      [1266, "timetz", 1270],
      [1560, "bit", 1561],
      [1562, "varbit", 1563],
      [1700, "numeric", 1231],
      [2950, "uuid", 2951],
      [3614, "tsvector", 3643],
      [3802, "jsonb", 3807],
      [3904, "int4range", 3905],
      [3906, "numrange", 3907],
      [3908, "tsrange", 3909],
      [3910, "tstzrange", 3911],
      [3912, "daterange", 3913],
      [3926, "int8range", 3927]
    ] as const
  ).flatMap(([oid, name, array]): ReadonlyArray<readonly [number, PgType]> => [
    [oid, { name }],
    [array, { name: `${name}[]`, element: oid }]
  ])
)

/** How values of a type are read. `types` knows more than the built-in ones. */
export const parserOf = (
  oid: number,
  types: (oid: number) => PgType | undefined,
  numbers: NumberForms = exactNumbers
): Parse => {
  const type = types(oid)
  if (type?.base !== undefined) return parserOf(type.base, types, numbers)
  if (type?.element !== undefined) {
    return arrayOf(parserOf(type.element, types, numbers), type.delimiter ?? ",")
  }
  switch (oid) {
    case 16:
      return (text) => text === "t"
    case 17:
      return base64Of
    case 20:
      return numbers.int8 === "string" ? asText : integerOf
    case 21:
    case 23:
    case 26:
      return Number
    case 700:
    case 701:
      return floatOf
    case 1700:
      return numbers.numeric === "number" ? floatOf : asText
    case 114:
    case 3802:
      return jsonOf
    case 1114:
      return timestampOf
    case 1184:
      return timestamptzOf
    default:
      return asText
  }
}

/** Types whose values can be NaN or infinite, which JSON has no word for. */
export const isFloat = (oid: number): boolean => oid === 700 || oid === 701

export const isJsonType = (oid: number): boolean => oid === 114 || oid === 3802

// --- readers ---

const asText: Parse = (text) => text

const integerOf: Parse = (text) => {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

const floatOf: Parse = (text) => {
  const value = Number(text)
  return Number.isFinite(value) ? float(value) : null
}

const jsonOf: Parse = (text) => Result.getOrElse(Json.parse(text), () => text)

/** `\x…`; the old escape form is left as it is. */
const base64Of: Parse = (text) =>
  text.startsWith("\\x") ? Buffer.from(text.slice(2), "hex").toString("base64") : text
