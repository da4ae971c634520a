/** `multipart/form-data` by hand: the bytes are known before they are sent, so that a redirect can send them again. */
import { randomBytes } from "node:crypto"
import { isObject, type Json, stringify } from "../../domain/Json.ts"

export interface Parts {
  readonly fields: Json | undefined
  readonly multipart: Json | undefined
  /** Name → text, or {filename, content | content_base64, content_type}. */
  readonly files: Json | undefined
}

export const multipartOf = ({ fields, multipart, files }: Parts) => {
  const boundary = `noetl-${randomBytes(12).toString("hex")}`
  const parts = [
    ...entries(fields).map(([name, value]) => part(name, value, undefined)),
    ...entries(multipart).map(([name, value]) => part(name, value, undefined)),
    ...entries(files).map(([name, value]) => part(name, value, name))
  ]
  const bytes = Buffer.concat([
    ...parts
      .flatMap(({ head, content }) => [`--${boundary}\r\n${head}\r\n\r\n`, content, "\r\n"])
      .map(bufferOf),
    bufferOf(`--${boundary}--\r\n`)
  ])
  return { bytes, contentType: `multipart/form-data; boundary=${boundary}` }
}

// --- helpers ---

const entries = (value: Json | undefined): ReadonlyArray<readonly [string, Json]> =>
  value !== undefined && isObject(value)
    ? Object.entries(value).flatMap(([name, item]) =>
        (Array.isArray(item) ? item : [item]).flatMap((one: Json) =>
          one === null ? [] : [[name, one] as const]
        )
      )
    : []

const part = (name: string, value: Json, filename: string | undefined) => {
  const described = isObject(value) && ("content" in value || "content_base64" in value) ? value : undefined
  const file = described === undefined ? filename : textOr(described["filename"], filename)
  const type = described === undefined ? undefined : textOr(described["content_type"], undefined)
  const head = [
    `Content-Disposition: form-data; name="${quoted(name)}"${file === undefined ? "" : `; filename="${quoted(file)}"`}`,
    ...(type !== undefined || file !== undefined
      ? [`Content-Type: ${(type ?? "application/octet-stream").replace(/[\r\n]/g, "")}`]
      : [])
  ].join("\r\n")
  return { head, content: contentOf(described ?? value) }
}

const contentOf = (value: Json): string | Buffer => {
  if (typeof value === "string") return value
  if (!isObject(value)) return stringify(value)
  const base64 = value["content_base64"]
  if (typeof base64 === "string") return Buffer.from(base64, "base64")
  const content = value["content"]
  return content === undefined ? stringify(value) : typeof content === "string" ? content : stringify(content)
}

/** As browsers do it: a name can neither end its quotes nor the line. */
const quoted = (text: string): string =>
  text.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A")

const textOr = <A>(value: Json | undefined, otherwise: A): string | A =>
  typeof value === "string" ? value : otherwise

const bufferOf = (value: string | Buffer): Buffer => (typeof value === "string" ? Buffer.from(value) : value)
