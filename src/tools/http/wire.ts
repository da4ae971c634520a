/** The driver's edge of SafeHttp: undici's requests, answers and errors. */
import type { Dispatcher as UndiciDispatcher } from "undici"
import { messageOf } from "../../domain/messageOf.ts"
import type { Undici } from "./agents.ts"
import type { Hop } from "./redirect.ts"
import { unpacked } from "./unpack.ts"

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
  const encoding = method === "HEAD" ? "" : String(answer.headers["content-encoding"] ?? "")
  try {
    if (method !== "HEAD" && declared > max) throw new TooLarge()
    for await (const chunk of unpacked(answer.body as AsyncIterable<Uint8Array>, encoding)) {
      bytes += chunk.length
      if (bytes > max) throw new TooLarge()
      yield chunk
    }
  } finally {
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

const asArray = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
