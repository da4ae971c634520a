/** An HTTP service as the source of a transfer: JSON, page after page. */
import { Duration, Effect, Result, Schema, Struct } from "effect"
import type { ResolvedAuth } from "../../domain/Credential.ts"
import * as Failure from "../../domain/Failure.ts"
import { fitsDouble, isExact } from "../../domain/ExactNumber.ts"
import * as JsonText from "../../domain/Json.ts"
import { isObject, type Json, type JsonObject, JsonValue } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { authenticationOf } from "../http/authentication.ts"
import { withQuery } from "../http/body.ts"
import { retryAfterOf } from "../http/retryAfter.ts"
import { type Response, SafeHttp } from "../http/SafeHttp.ts"
import { invalid, ExecutionFailed, ToolError } from "../../domain/ToolError.ts"
import { columnOf } from "./copyText.ts"
import type { Batch, Column, Field, Kind, Pull, Source } from "./Ends.ts"
import { firstPage, nextPage, type Page, Pagination } from "./pagination.ts"
import { valueAt } from "./path.ts"

export const SourceConfig = Schema.Struct({
  url: Coerced.optional(Coerced.Text),
  endpoint: Coerced.optional(Coerced.Text),
  method: Coerced.optional(Coerced.Text),
  headers: Coerced.optional(Coerced.TextMap),
  params: Coerced.optional(Coerced.JsonMap),
  json: Schema.optionalKey(JsonValue),
  body: Schema.optionalKey(JsonValue),
  data_path: Coerced.optional(Schema.String),
  timeout: Coerced.optional(Coerced.Seconds),
  max_response_bytes: Coerced.optional(Coerced.Bytes),
  pagination: Coerced.optional(Pagination),
  auth: Schema.optionalKey(JsonValue)
})
type Config = typeof SourceConfig.Type

interface Call {
  readonly kind: string
}

export const source = Effect.fnUntraced(function* (config: Config, call: Call, auth: ResolvedAuth) {
  const url = config.url ?? config.endpoint ?? ""
  if (url === "") return yield* invalid(call, "source.url", "Missing")
  const http = yield* SafeHttp
  const { headers, problem } = authenticationOf(config.auth, auth)
  if (problem !== undefined) return yield* invalid(call, "source.auth", problem.detail)
  const own = { ...headers, ...config.headers }
  const get = (page: Page) => {
    const to = page.url === undefined ? url : new URL(page.url, url).href
    // Who answers decides where the next page is; who is asking is not told to others.
    const isSame = page.url === undefined || new URL(to).origin === new URL(url).origin
    const asked = isSame ? { ...config, headers: own } : bare(config)
    return pageOf(http, asked, page.url === undefined ? withQuery(url, page.params) : to, page, call)
  }
  // The first page tells which columns there are.
  const first = yield* get(firstPage(config.pagination ?? undefined, config.params ?? {}))
  return {
    type: "http",
    columns: columnsOf(first.rows),
    read: (fields, { chunkRows }) => Effect.succeed(pagesOf(first, get, config, fields, chunkRows))
  } satisfies Source
})

/** For another origin: neither headers nor a body, and the method of a request that has none. */
const bare = (config: Config): Config => ({
  ...Struct.omit(config, ["body", "json"]),
  headers: {},
  method: "GET"
})

// --- pages ---

interface Got {
  readonly page: Page
  readonly rows: ReadonlyArray<Json>
  readonly answer: Json
  readonly headers: Response["headers"]
}

const pageOf = Effect.fnUntraced(function* (
  http: SafeHttp["Service"],
  config: Config,
  url: string,
  page: Page,
  call: Call
) {
  const body = config.json ?? config.body
  const response = yield* http.request({
    tool: call.kind,
    method: (config.method ?? "GET").toUpperCase(),
    url,
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...config.headers
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JsonText.stringify(body) }),
    secretHeaders: Object.keys(config.headers ?? {}),
    secretBody: true,
    timeouts: {
      total:
        typeof config.timeout === "number" && config.timeout > 0
          ? Duration.seconds(config.timeout)
          : undefined
    },
    maxResponseBytes: config.max_response_bytes ?? undefined
  })
  if (response.status < 200 || response.status >= 300) {
    const retryAfter = retryAfterOf(response.headers["retry-after"], response.headers["date"])
    return yield* failed(call, Failure.ofHttpStatus(response.status, call.kind, retryAfter))
  }
  const text = Buffer.from(response.body).toString("utf8")
  const answer = JsonText.parse(text, JsonText.defaultLimits, JsonText.writtenDecimals)
  if (Result.isFailure(answer)) {
    return yield* failed(
      call,
      Failure.make("parse", `the answer of ${response.url} is not JSON: ${answer.failure.message}`)
    )
  }
  const rows = yield* rowsOf(answer.success, config.data_path ?? undefined, call)
  return { page, rows, answer: answer.success, headers: response.headers } satisfies Got
})

const rowsOf = (
  answer: Json,
  path: string | undefined,
  call: Call
): Effect.Effect<ReadonlyArray<Json>, ToolError> => {
  const found = path === undefined || path === "" ? answer : valueAt(answer, path)
  if (Array.isArray(found)) return Effect.succeed(found as ReadonlyArray<Json>)
  if (isObject(found ?? null)) return Effect.succeed([found as JsonObject])
  const what = found === undefined ? `there is nothing at ${path}` : "there are no rows"
  return Effect.fail(failed(call, Failure.make("schema", `${what} in the answer`)))
}

const failed = (call: Call, failure: Failure.Failure): ToolError =>
  new ToolError({
    tool: call.kind,
    reason: new ExecutionFailed({ failure: { source: call.kind, ...failure } })
  })

/** Every key of the page's rows, in the order in which they turn up. */
const columnsOf = (rows: ReadonlyArray<Json>): ReadonlyArray<Column> => {
  const kinds = new Map<string, Kind | undefined>()
  for (const row of rows) {
    if (!isObject(row)) continue
    for (const [name, value] of Object.entries(row)) {
      const before = kinds.get(name)
      kinds.set(
        name,
        value === null ? before : before === undefined ? kindOf(value) : both(before, kindOf(value))
      )
    }
  }
  return [...kinds].map(([name, kind]) => ({ name, type: { kind: kind ?? "text" } }))
}

const numbers: ReadonlySet<Kind> = new Set<Kind>(["int8", "float8", "decimal"])

/** What holds values of two kinds: the wider number, or JSON for what has nothing in common. */
const both = (x: Kind, y: Kind): Kind => {
  if (x === y) return x
  if (!numbers.has(x) || !numbers.has(y)) return "json"
  return x === "decimal" || y === "decimal" ? "decimal" : "float8"
}

const kindOf = (value: Json): Column["type"]["kind"] => {
  switch (typeof value) {
    case "boolean":
      return "boolean"
    case "number":
      return Number.isInteger(value) ? "int8" : "float8"
    case "bigint":
      return "decimal"
    case "string":
      return "text"
    default:
      if (value === null) return "text"
      // A double keeps no more digits than it has
      return isExact(value) ? (fitsDouble(value) ? "float8" : "decimal") : "json"
  }
}

const pagesOf = (
  first: Got,
  get: (page: Page) => Effect.Effect<Got, ToolError>,
  config: Config,
  fields: ReadonlyArray<Field>,
  chunkRows: number
): Pull => {
  let current: Got | undefined = first
  let at = 0
  let inChunk = 0
  return Effect.gen(function* () {
    while (current !== undefined && at >= current.rows.length) {
      const next: Page | undefined = nextPage(config.pagination ?? undefined, current.page, {
        rows: current.rows.length,
        answer: current.answer,
        link: current.headers["link"]
      })
      current = next === undefined ? undefined : yield* get(next)
      at = 0
    }
    if (current === undefined) return undefined
    const room = chunkRows === 0 ? current.rows.length : chunkRows - inChunk
    const rows = current.rows.slice(at, at + room)
    at += rows.length
    inChunk = chunkRows === 0 ? 0 : (inChunk + rows.length) % chunkRows
    return batchOf(rows, fields)
  })
}

export const batchOf = (rows: ReadonlyArray<Json>, fields: ReadonlyArray<Field>): Batch => {
  const lines = rows.map((row) =>
    fields
      .map(({ arrays, from, to }) =>
        columnOf("value" in from ? from.value : valueAt(row, from.name), to.type, arrays)
      )
      .join("\t")
  )
  return { bytes: Buffer.from(lines.map((line) => `${line}\n`).join("")), rows: rows.length, framed: false }
}
