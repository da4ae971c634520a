/** PostgreSQL's types as kinds, and kinds as its types. */
import { builtin, type PgType } from "../postgres/types.ts"
import type { Kind, Type } from "./Ends.ts"

/** `modifier` is `atttypmod`: for numeric, precision and scale. */
export const typeOfOid = (
  oid: number,
  modifier: number,
  types: (oid: number) => PgType | undefined
): Type => {
  const type = types(oid) ?? builtin.get(oid)
  if (type?.element !== undefined) return { kind: "list", item: typeOfOid(type.element, -1, types) }
  if (oid === 1700) {
    return modifier < 4
      ? { kind: "decimal" }
      : { kind: "decimal", precision: ((modifier - 4) >> 16) & 0xffff, scale: (modifier - 4) & 0x7ff }
  }
  return { kind: kinds.get(oid) ?? "text" }
}

export const postgresName = (type: Type): string => {
  if (type.kind === "list") return `${postgresName(type.item ?? { kind: "text" })}[]`
  if (type.kind === "decimal") {
    return type.precision === undefined ? "numeric" : `numeric(${type.precision},${type.scale ?? 0})`
  }
  return names[type.kind]
}

const kinds: ReadonlyMap<number, Kind> = new Map([
  [16, "boolean"],
  [17, "bytes"],
  [20, "int8"],
  [21, "int2"],
  [23, "int4"],
  [26, "int8"],
  [114, "json"],
  [3802, "json"],
  [700, "float4"],
  [701, "float8"],
  [1082, "date"],
  [1083, "time"],
  [1114, "timestamp"],
  [1184, "timestamptz"],
  [1186, "interval"],
  [2950, "uuid"]
])

const names: Readonly<Record<Exclude<Kind, "list" | "decimal">, string>> = {
  boolean: "boolean",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float4: "real",
  float8: "double precision",
  text: "text",
  bytes: "bytea",
  date: "date",
  time: "time",
  timestamp: "timestamp",
  timestamptz: "timestamptz",
  interval: "interval",
  uuid: "uuid",
  json: "jsonb"
}
