/** How a service's next page is found: by number, by offset, by a cursor, by a URL in the answer or in `Link`. */
import { Schema } from "effect"
import type { Json, JsonObject } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { valueAt } from "./path.ts"

export const Pagination = Schema.Struct({
  type: Schema.Literals(["page", "offset", "cursor", "next_url", "link"]),
  /** The parameter's name: `page`, `offset`, `cursor`. */
  param: Coerced.optional(Schema.String),
  start: Coerced.optional(Coerced.Integer),
  size_param: Coerced.optional(Schema.String),
  size: Coerced.optional(Coerced.Integer),
  /** Where the answer says the next cursor or URL. */
  next_path: Coerced.optional(Schema.String),
  /** Where the answer says whether there is more. */
  has_more_path: Coerced.optional(Schema.String),
  max_pages: Coerced.optional(Coerced.Integer)
})
export interface Pagination extends Schema.Schema.Type<typeof Pagination> {}

export interface Page {
  /** From 1. */
  readonly number: number
  /** Rows of the pages before. */
  readonly offset: number
  readonly params: JsonObject
  readonly url?: string
}

export interface Answer {
  readonly rows: number
  readonly answer: Json
  readonly link: string | ReadonlyArray<string> | undefined
}

/** No service has more pages than this that an author meant to read. */
const defaultMaxPages = 100_000

export const firstPage = (pagination: Pagination | undefined, params: JsonObject): Page => ({
  number: 1,
  offset: 0,
  params:
    pagination === undefined
      ? params
      : {
          ...params,
          ...sizeOf(pagination),
          ...(pagination.type === "page" ? { [pagination.param ?? "page"]: pagination.start ?? 1 } : {}),
          ...(pagination.type === "offset" ? { [pagination.param ?? "offset"]: pagination.start ?? 0 } : {})
        }
})

export const nextPage = (
  pagination: Pagination | undefined,
  page: Page,
  { answer, link, rows }: Answer
): Page | undefined => {
  if (pagination === undefined || page.number >= (pagination.max_pages ?? defaultMaxPages)) return undefined
  const hasMore =
    typeof pagination.has_more_path === "string" ? valueAt(answer, pagination.has_more_path) : undefined
  if (hasMore === false) return undefined
  const number = page.number + 1
  const offset = page.offset + rows
  const next = typeof pagination.next_path === "string" ? valueAt(answer, pagination.next_path) : undefined
  switch (pagination.type) {
    case "page": {
      const value = (pagination.start ?? 1) + page.number
      return isLast(pagination, rows, hasMore)
        ? undefined
        : { number, offset, params: { ...page.params, [pagination.param ?? "page"]: value } }
    }
    case "offset": {
      const value = (pagination.start ?? 0) + offset
      return isLast(pagination, rows, hasMore)
        ? undefined
        : { number, offset, params: { ...page.params, [pagination.param ?? "offset"]: value } }
    }
    case "cursor":
      return next === undefined || next === null || next === ""
        ? undefined
        : { number, offset, params: { ...page.params, [pagination.param ?? "cursor"]: next } }
    case "next_url":
      return typeof next === "string" && next !== ""
        ? { number, offset, params: page.params, url: next }
        : undefined
    case "link": {
      const url = /<([^>]+)>\s*;[^,]*\brel="?next"?/i.exec(String(link ?? ""))?.[1]
      return url === undefined ? undefined : { number, offset, params: page.params, url }
    }
  }
}

// --- helpers ---

const sizeOf = ({ size, size_param: param }: Pagination): JsonObject =>
  typeof size === "number" ? { [param ?? "limit"]: size } : {}

/** A page with fewer rows than were asked for is the last one. */
const isLast = ({ size }: Pagination, rows: number, hasMore: Json | undefined): boolean =>
  rows === 0 || (hasMore !== true && typeof size === "number" && rows < size)
