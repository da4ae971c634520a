/** The two ends of a transfer, by the kind that the author wrote. */
import { Effect, Redacted, Schema, type Scope } from "effect"
import { type Credential, noAuth, type ResolvedAuth } from "../../domain/Credential.ts"
import type { JsonObject } from "../../domain/Json.ts"
import { Databases } from "../duckdb/Databases.ts"
import { makesSecret, secretsOf } from "../duckdb/secrets.ts"
import type { SafeHttp } from "../http/SafeHttp.ts"
import type { Pools } from "../postgres/Pools.ts"
import type { Sessions } from "../snowflake/Sessions.ts"
import { invalidConfig, type ToolCall } from "../Tool.ts"
import { invalid, InvalidConfig, ToolError } from "../../domain/ToolError.ts"
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
  /** Credentials that become secrets of a DuckDB database. */
  readonly secrets: ResolvedAuth
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
  const isSecret = kind === "duckdb" && credential !== undefined && makesSecret(credential)
  const stored =
    credential === undefined || kind === "http" || isSecret ? {} : Redacted.value(credential.data)
  const secrets = kind === "duckdb" ? secretsAt(at, call.auth) : noAuth
  return Effect.succeed({ at, kind, settings: { ...stored, ...part }, credential, secrets })
}

/** Where both ends are DuckDB's they may be one database, and others may want the same two. */
export const reserve = Effect.fnUntraced(function* (ends: ReadonlyArray<End>, call: ToolCall) {
  const ours = ends.filter(({ kind }) => kind === "duckdb")
  if (ours.length < 2) return
  const wanted = yield* Effect.forEach(ours, (end) =>
    decode(Duckdb.PlaceConfig, end, call).pipe(
      Effect.flatMap((config) => Duckdb.placeIn(config, call, end.at)),
      Effect.map((place) => ({ place, alone: secretsOf(end.secrets).length > 0 }))
    )
  )
  yield* (yield* Databases).reserve(wanted, call.kind)
})

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
      return Effect.flatMap(decode(Duckdb.SourceConfig, end, call), (config) =>
        Duckdb.source(config, call, end.secrets)
      )
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
        Duckdb.target(config, call, columnsIfNew, end.secrets)
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

/** An end's own; those of the whole transfer are settings of whichever end they fit. */
const secretsAt = (at: End["at"], { named }: ResolvedAuth): ResolvedAuth => {
  const own = named.get(at)
  const several = [...named].filter(([name]) => name.startsWith(`${at}.`))
  return {
    primary: own !== undefined && makesSecret(own) ? own : undefined,
    named: new Map(several.map(([name, one]) => [name.slice(at.length + 1), one]))
  }
}

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
