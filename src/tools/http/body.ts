/** The body of a request, from whichever of the many keys the author used. Pure. */
import { isObject, type Json, type JsonObject, stringify } from "../../domain/Json.ts"
import { multipartOf } from "./multipart.ts"

export interface BodySettings {
  readonly json?: Json | undefined
  readonly form?: Json | undefined
  readonly multipart?: Json | undefined
  readonly files?: Json | undefined
  readonly payload?: Json | undefined
  readonly body?: Json | undefined
  readonly data?: Json | undefined
}

export interface Body {
  readonly bytes: Uint8Array | string | undefined
  /** Undefined: the author's header stands, or there is none. */
  readonly contentType: string | undefined
  /** Query parameters that came by `data`. */
  readonly params: JsonObject
}

/** A key, and what is wrong with it. */
export class BodyProblem {
  readonly at: string
  readonly problem: string
  constructor(at: string, problem: string) {
    this.at = at
    this.problem = problem
  }
}

/** `declared` is the author's own Content-Type, which decides how a map is written. */
export const bodyOf = (
  settings: BodySettings,
  method: string,
  declared: string | undefined
): Body | BodyProblem => {
  const { json, form, multipart, files, payload, body, data } = settings
  const split = splitData(data, method)
  if (isPresent(json)) return { ...jsonBody(json), params: split.params }
  if (isPresent(multipart) || isPresent(files)) {
    const fields = isPresent(form) ? form : split.body
    return withParams(multipartOf({ fields, multipart, files }), split.params)
  }
  if (isPresent(form)) return withParams(formBody(form), split.params)
  for (const [at, value] of [
    ["payload", payload],
    ["body", body],
    ["data", split.body]
  ] as const) {
    if (isPresent(value)) return withParams(anyBody(at, value, declared), split.params)
  }
  return { bytes: undefined, contentType: undefined, params: split.params }
}

/** Appends to what the URL has. Null is left out, an empty text is sent, a list repeats its name. */
export const withQuery = (url: string, params: JsonObject): string => {
  const pairs = Object.entries(params).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((item: Json) =>
      item === null || item === undefined ? [] : [[name, scalarText(item)] as [string, string]]
    )
  )
  if (pairs.length === 0) return url
  const [base = "", fragment] = url.split("#", 2)
  const glue = !base.includes("?") ? "?" : /[?&]$/.test(base) ? "" : "&"
  return `${base}${glue}${new URLSearchParams(pairs).toString()}${fragment === undefined ? "" : `#${fragment}`}`
}

/** Text as it is, everything else as JSON writes it. */
export const scalarText = (value: Json): string => (typeof value === "string" ? value : stringify(value))

export const isPresent = (value: Json | undefined): value is Json => value !== undefined && value !== null

// --- helpers ---

const splitData = (
  data: Json | undefined,
  method: string
): { readonly params: JsonObject; readonly body: Json } => {
  if (!isPresent(data)) return { params: {}, body: null }
  if (isObject(data)) {
    const keys = Object.keys(data)
    const query = data["query"] ?? {}
    if (keys.length > 0 && keys.every((key) => key === "query" || key === "body") && isObject(query)) {
      return { params: query, body: data["body"] ?? null }
    }
    if (method === "GET" || method === "HEAD" || method === "DELETE") return { params: data, body: null }
  }
  return { params: {}, body: data }
}

const jsonBody = (value: Json) => ({ bytes: stringify(value), contentType: "application/json" })

const formBody = (value: Json): Omit<Body, "params"> | BodyProblem => {
  const contentType = "application/x-www-form-urlencoded"
  if (typeof value === "string") return { bytes: value, contentType }
  if (!isObject(value)) return new BodyProblem("form", "Expected an object")
  return { bytes: withQuery("", value).slice(1), contentType }
}

const anyBody = (
  at: string,
  value: Json,
  declared: string | undefined
): Omit<Body, "params"> | BodyProblem => {
  if (typeof value === "string") return { bytes: value, contentType: undefined }
  if (isObject(value) && declared !== undefined) {
    if (/^application\/x-www-form-urlencoded/i.test(declared)) return formBody(value)
    if (/^multipart\/form-data/i.test(declared))
      return multipartOf({ fields: value, multipart: null, files: null })
  }
  if (value === undefined) return new BodyProblem(at, "Expected a value")
  return jsonBody(value)
}

const withParams = (body: Omit<Body, "params"> | BodyProblem, params: JsonObject): Body | BodyProblem =>
  body instanceof BodyProblem ? body : { ...body, params }
