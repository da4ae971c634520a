/** The two ends of a transfer, by the kind that the author wrote. */
import { Effect, Redacted, Schema, type Scope } from "effect"
import { type Credential, noAuth } from "../../domain/Credential.ts"
import type { JsonObject } from "../../domain/Json.ts"
import type { Databases } from "../duckdb/Databases.ts"
import type { SafeHttp } from "../http/SafeHttp.ts"
import type { Pools } from "../postgres/Pools.ts"
import type { Sessions } from "../snowflake/Sessions.ts"
import { invalid } from "../sql/source.ts"
import { invalidConfig, type ToolCall } from "../Tool.ts"
import { InvalidConfig, ToolError } from "../ToolError.ts"
import * as Duckdb from "./duckdbEnd.ts"
import type { Column, Source, Target } from "./Ends.ts"
import * as File from "./fileEnd.ts"
import * as Http from "./httpEnd.ts"
import * as Postgres from "./postgresEnd.ts"
import * as Snowflake from "./snowflakeEnd.ts"

export type Services = Pools | Databases | Sessions | SafeHttp

/** An end with its credential's fields; what the author wrote is never overwritten. */
export interface End {
  readonly at: "source" | "target"
  readonly kind: string
  readonly settings: JsonObject
  readonly credential: Credential | undefined
}

const files = ["file", "csv", "parquet", "jsonl", "json"]
const sources = ["postgres", "duckdb", "snowflake", "http", ...files]
const targets = ["postgres", "duckdb", "snowflake", ...files]

export const endOf = (part: JsonObject, call: ToolCall, at: End["at"]): Effect.Effect<End, ToolError> => {
  const kinds = at === "source" ? sources : targets
  const written = part["type"] ?? part["tool"] ?? part["kind"]
  const kind =
    typeof written === "string" ? (spellings.get(written.toLowerCase()) ?? written.toLowerCase()) : ""
  if (!kinds.includes(kind)) {
    return Effect.fail(invalid(call, `${at}.type`, `Expected one of ${kinds.join(", ")}`))
  }
  const credential = call.auth.named.get(at) ?? call.auth.primary
  const stored = credential === undefined || kind === "http" ? {} : Redacted.value(credential.data)
  return Effect.succeed({ at, kind, settings: { ...stored, ...part }, credential })
}

export const openSource = (
  end: End,
  call: ToolCall
): Effect.Effect<Source, ToolError, Services | Scope.Scope> => {
  switch (end.kind) {
    case "postgres":
      return Effect.flatMap(decode(Postgres.SourceConfig, end, call), (config) =>
        Postgres.source(config, call)
      )
    case "duckdb":
      return Effect.flatMap(decode(Duckdb.SourceConfig, end, call), (config) => Duckdb.source(config, call))
    case "snowflake":
      return Effect.flatMap(decode(Snowflake.SourceConfig, end, call), (config) =>
        Snowflake.source(config, call)
      )
    case "http":
      return Effect.flatMap(decode(Http.SourceConfig, end, call), (config) =>
        Http.source(config, call, { ...noAuth, primary: end.credential })
      )
    default:
      return Effect.flatMap(decode(File.Config, end, call), (config) => File.source(config, call, end.kind))
  }
}

export const openTarget = (
  end: End,
  call: ToolCall,
  columnsIfNew: ReadonlyArray<Column>
): Effect.Effect<Target, ToolError, Services | Scope.Scope> => {
  switch (end.kind) {
    case "postgres":
      return Effect.flatMap(decode(Postgres.TargetConfig, end, call), (config) =>
        Postgres.target(config, call, columnsIfNew)
      )
    case "duckdb":
      return Effect.flatMap(decode(Duckdb.TargetConfig, end, call), (config) =>
        Duckdb.target(config, call, columnsIfNew)
      )
    case "snowflake":
      return Effect.flatMap(decode(Snowflake.TargetConfig, end, call), (config) =>
        Snowflake.target(config, call, columnsIfNew)
      )
    default:
      return Effect.flatMap(decode(File.Config, end, call), (config) => File.target(config, call, end.kind))
  }
}

// --- helpers ---

const spellings: ReadonlyMap<string, string> = new Map([
  ["postgresql", "postgres"],
  ["pg", "postgres"],
  ["https", "http"],
  ["ndjson", "jsonl"]
])

const decode = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  { at, settings }: End,
  call: ToolCall
) =>
  Schema.decodeUnknownEffect(schema, { errors: "all", onExcessProperty: "ignore" })(settings).pipe(
    Effect.mapError((error) => {
      const { reason } = invalidConfig(call.kind, error)
      const issues = reason._tag === "InvalidConfig" ? reason.issues : []
      return new ToolError({
        tool: call.kind,
        reason: new InvalidConfig({
          issues: issues.map(({ at: key, problem }) => ({ at: `${at}.${key}`, problem }))
        })
      })
    })
  )
