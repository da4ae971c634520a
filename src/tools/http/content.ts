/** An answer's bytes as a value. Pure. */
import { type Json, parse } from "../../domain/Json.ts"

export type ResponseType = "auto" | "json" | "text" | "binary"

/**
 * `json` reads JSON whatever the type says; `auto` when the type says so or the text begins like an object or a list.
 * Text that is not JSON after all stays text. Bytes that are no text come as base64.
 */
export const valueOf = (bytes: Uint8Array, contentType: string | undefined, wanted: ResponseType): Json => {
  const { type, charset } = typeOf(contentType)
  if (wanted === "binary") return binaryOf(bytes)
  if (bytes.length === 0) return ""
  const text = textOf(bytes, charset)
  if (text === undefined) return wanted === "auto" ? binaryOf(bytes) : Buffer.from(bytes).toString("utf8")
  if (wanted === "text") return text
  if (wanted === "json" || isJsonType(type) || /^\s*[[{]/.test(text)) return jsonOr(text)
  return text
}

// --- helpers ---

const typeOf = (header: string | undefined) => {
  const [type = "", ...parameters] = (header ?? "").toLowerCase().split(";")
  const charset = parameters.map((parameter) => /^\s*charset="?([^"\s]+)"?/.exec(parameter)?.[1])
  return { type: type.trim(), charset: charset.find((value) => value !== undefined) ?? "utf-8" }
}

const isJsonType = (type: string): boolean => type.endsWith("/json") || type.endsWith("+json")

const jsonOr = (text: string): Json => {
  const parsed = parse(text.replace(/^\uFEFF/, ""))
  return parsed._tag === "Success" ? parsed.success : text
}

/** Undefined for bytes that are not in the character set they claim. */
const textOf = (bytes: Uint8Array, charset: string): string | undefined => {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes)
  } catch {
    return charset === "utf-8" ? undefined : textOf(bytes, "utf-8")
  }
}

const binaryOf = (bytes: Uint8Array): Json => ({
  base64: Buffer.from(bytes).toString("base64"),
  size: bytes.length
})
