/** Snowflake's types as kinds, and kinds as its types. */
import type { Column } from "snowflake-sdk"
import type { Kind, Type } from "./Ends.ts"

export const kindOfSnowflake = (column: Column): Type => {
  const type = column.getType().toLowerCase()
  if (type === "fixed") {
    const [precision, scale] = [column.getPrecision(), column.getScale()]
    return scale === 0 && precision <= 18 ? { kind: "int8" } : { kind: "decimal", precision, scale }
  }
  return { kind: kinds.get(type) ?? "text" }
}

export const snowflakeName = (type: Type): string => {
  if (type.kind === "decimal") {
    // Without a scale no NUMBER holds all of it; text does.
    return type.precision === undefined || type.precision > 38
      ? "VARCHAR"
      : `NUMBER(${type.precision},${type.scale ?? 0})`
  }
  return names[type.kind]
}

/** SQL for a value out of text, for a column of the kind. */
export const valueSql = (text: string, { kind }: Type): string => {
  switch (kind) {
    case "json":
    case "list":
      return `PARSE_JSON(${text})`
    case "bytes":
      return `TO_BINARY(SUBSTR(${text}, 3), 'HEX')`
    default:
      return text
  }
}

const kinds: ReadonlyMap<string, Kind> = new Map([
  ["real", "float8"],
  ["boolean", "boolean"],
  ["date", "date"],
  ["time", "time"],
  ["timestamp_ntz", "timestamp"],
  ["timestamp_ltz", "timestamptz"],
  ["timestamp_tz", "timestamptz"],
  ["binary", "bytes"],
  ["variant", "json"],
  ["object", "json"],
  ["array", "json"],
  ["geography", "json"]
])

const names: Readonly<Record<Exclude<Kind, "decimal">, string>> = {
  boolean: "BOOLEAN",
  int2: "NUMBER(5,0)",
  int4: "NUMBER(10,0)",
  int8: "NUMBER(19,0)",
  float4: "FLOAT",
  float8: "FLOAT",
  text: "VARCHAR",
  bytes: "BINARY",
  date: "DATE",
  time: "TIME",
  timestamp: "TIMESTAMP_NTZ",
  timestamptz: "TIMESTAMP_TZ",
  interval: "VARCHAR",
  uuid: "VARCHAR",
  json: "VARIANT",
  list: "VARIANT"
}
