/** The driver's edge of SafeHttp: undici's requests, answers and errors. */
import { pipeline, type Readable } from "node:stream"
import { constants, createBrotliDecompress, createGunzip, createInflate } from "node:zlib"
import type { Dispatcher as UndiciDispatcher } from "undici"
import { messageOf } from "../../domain/messageOf.ts"
import type { Undici } from "./agents.ts"
import type { Hop } from "./redirect.ts"

export type Dispatcher = UndiciDispatcher
export type Answer = UndiciDispatcher.ResponseData

export class TooLarge extends Error {}

export const send = (
  undici: Undici,
  dispatcher: Dispatcher,
  hop: Hop,
  signal: AbortSignal,
  readMs: number
): Promise<Answer> =>
  undici.request(hop.url, {
    dispatcher,
    method: hop.method,
    headers: { ...hop.headers },
    body: hop.body ?? null,
    signal,
    headersTimeout: readMs,
    bodyTimeout: readMs
  })

export const locationOf = (answer: Answer): string | undefined => {
  const location = answer.headers["location"]
  return Array.isArray(location) ? location.at(-1) : location
}

export const headersOf = (answer: Answer): Readonly<Record<string, string | ReadonlyArray<string>>> =>
  Object.fromEntries(
    Object.entries(answer.headers).flatMap(([name, value]) => {
      if (value === undefined) return []
      if (!Array.isArray(value)) return [[name, value]]
      return [[name, name === "set-cookie" && value.length > 1 ? value : value.join(", ")]]
    })
  )

/** Reads away what a redirect says, so that its connection can be used again. */
export const discard = (answer: Answer): Promise<void> =>
  answer.body.dump({ limit: 65_536 }).catch(() => undefined)

/** The body as it was meant, unpacked; the limit counts what comes out, so that a bomb does not go off. */
export async function* bytesOf(answer: Answer, method: string, max: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  const declared = Number(answer.headers["content-length"])
  const source = method === "HEAD" ? answer.body : unpacked(answer)
  try {
    if (method !== "HEAD" && declared > max) throw new TooLarge()
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > max) throw new TooLarge()
      yield chunk
    }
  } finally {
    source.destroy()
    answer.body.destroy()
  }
}

export const basicOf = (url: URL): string => {
  const text = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return `Basic ${Buffer.from(text).toString("base64")}`
}

/** The code and the words of whatever went wrong, through the wrappers that Node and undici put around it. */
export const causeOf = (cause: unknown): { readonly code: string | undefined; readonly message: string } => {
  const chain: Array<unknown> = [cause]
  for (const link of chain) {
    if (chain.length > 10 || typeof link !== "object" || link === null) continue
    const code: unknown = Reflect.get(link, "code")
    const message = link instanceof Error ? link.message : ""
    if (typeof code === "string" && code !== "") return { code, message: message === "" ? code : message }
    chain.push(Reflect.get(link, "cause"), ...asArray(Reflect.get(link, "errors")))
  }
  return { code: undefined, message: messageOf(cause) }
}

export const isCertificateError = (code: string | undefined): boolean =>
  code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME|^ERR_SSL|^ERR_TLS|^ERR_OSSL/.test(code)

// --- helpers ---

const unpacked = (answer: Answer): Readable => {
  const encodings = String(answer.headers["content-encoding"] ?? "")
    .toLowerCase()
    .split(",")
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== "" && encoding !== "identity")
  const decoders = encodings.toReversed().map(decoderOf)
  // Of what it does not know, the caller gets the bytes as they came.
  if (decoders.length === 0 || decoders.some((decoder) => decoder === undefined)) return answer.body
  const known = decoders.filter((decoder) => decoder !== undefined)
  // The pipeline hands a failure of the connection on to the stream that is read.
  pipeline([answer.body, ...known], () => undefined)
  return known.at(-1) ?? answer.body
}

const decoderOf = (encoding: string) => {
  // An answer that is cut short or empty is told apart by its length, not by its compression.
  const flush = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip(flush)
    case "deflate":
      return createInflate(flush)
    case "br":
      return createBrotliDecompress({
        flush: constants.BROTLI_OPERATION_FLUSH,
        finishFlush: constants.BROTLI_OPERATION_FLUSH
      })
    default:
      return undefined
  }
}

const asArray = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
