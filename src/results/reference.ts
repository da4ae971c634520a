/** What stands in place of a value that is kept elsewhere, in every shape that servers and workers write. */
import { createHash, randomBytes } from "node:crypto"
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"
import type { ResultKey, Stored } from "./ResultStore.ts"

export interface Pointer {
  readonly ref: string
  readonly store: string | undefined
  /** The members that lead to the value inside of what is stored. */
  readonly path: ReadonlyArray<string>
}

/** What makes an object stand for a part of what is stored under `ref`. */
export const partReference = ({ ref, store }: Stored, path: ReadonlyArray<string>): JsonObject => ({
  _ref: ref,
  _store: store,
  _path: path
})

const scheme = "noetl://"

/** `noetl://execution/<id>/result/<step>/<8 hex>`, as every generation writes it. */
export const newRef = ({ executionId, step }: ResultKey): string =>
  `${scheme}execution/${executionId}/result/${step.replaceAll(/[^\w:.-]/g, "_")}/${randomBytes(4).toString("hex")}`

/** Where a value is that an object stands for: `{_ref: uri}`, `{_ref: {ref, …}}`, `{kind: result_ref, ref, …}`. */
export const pointerOf = (value: Json | undefined): Pointer | undefined => {
  if (typeof value === "string")
    return value.startsWith(scheme) ? { ref: value, store: undefined, path: [] } : undefined
  if (!isObject(value)) return undefined
  const inner = value["_ref"]
  if (typeof inner === "string") return { ref: inner, store: textAt(value, "_store"), path: pathOf(value) }
  if (isObject(inner)) return pointerOf(inner)
  const ref = textAt(value, "ref") ?? textAt(value, "locator")
  return ref?.startsWith(scheme) === true
    ? { ref, store: textAt(value, "store") ?? textAt(value, "type"), path: [] }
    : undefined
}

/** What a server puts in place of a part of a command that is too large for the database. */
export const externalised = (value: Json): Pointer | undefined =>
  isObject(value) && (value["kind"] === "result_ref" || value["kind"] === "temp_ref")
    ? pointerOf(value)
    : undefined

const pathOf = ({ _path: path }: JsonObject): ReadonlyArray<string> =>
  Array.isArray(path) && path.every((key) => typeof key === "string") ? path : []

const textAt = (value: JsonObject, key: string): string | undefined => {
  const member = value[key]
  return typeof member === "string" ? member : undefined
}

/** The reference as events carry it. */
export const referenceOf = (stored: Stored, text: string): JsonObject => ({
  kind: "result_ref",
  ref: stored.ref,
  store: stored.store,
  scope: "execution",
  ...(stored.expiresAt === undefined ? {} : { expires_at: stored.expiresAt }),
  meta: {
    bytes: Buffer.byteLength(text),
    sha256: createHash("sha256").update(text).digest("hex"),
    content_type: "application/json"
  }
})
