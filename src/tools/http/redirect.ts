/** The request that follows a redirect, without credentials for another origin. */

export interface Hop {
  readonly method: string
  readonly url: URL
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string | undefined
}

/** Undefined: the answer is the last one. `secrets` are further headers that only the first origin may see. */
export const nextHop = (
  hop: Hop,
  status: number,
  location: string | undefined,
  secrets: ReadonlyArray<string>
): Hop | undefined => {
  if (location === undefined || !redirects.has(status)) return undefined
  const url = URL.canParse(location, hop.url.href) ? new URL(location, hop.url) : undefined
  if (url === undefined) return undefined
  // As browsers and every other client do it: a 303, and a POST that was answered 301 or 302, become a GET.
  const turnsToGet = (status === 303 && hop.method !== "HEAD") || (status < 303 && hop.method === "POST")
  const dropped = new Set([
    ...(turnsToGet ? contentHeaders : []),
    ...(url.origin === hop.url.origin
      ? []
      : [...credentialHeaders, ...secrets.map((name) => name.toLowerCase())])
  ])
  return {
    method: turnsToGet ? "GET" : hop.method,
    url,
    headers: Object.fromEntries(Object.entries(hop.headers).filter(([name]) => !dropped.has(name))),
    body: turnsToGet ? undefined : hop.body
  }
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const contentHeaders = [
  "content-type",
  "content-length",
  "content-encoding",
  "content-language",
  "transfer-encoding"
]
const credentialHeaders = ["authorization", "cookie", "proxy-authorization", "host"]

/** Why a redirect is not followed; undefined where it is. */
export const problemOf = (hop: Hop, next: Hop, hasSecretBody: boolean): string | undefined => {
  if (next.url.username !== "" || next.url.password !== "")
    return "a redirect to a URL with credentials is refused"
  return hasSecretBody && next.body !== undefined && !isSameServer(hop.url, next.url)
    ? `a redirect that takes the request's body from ${hop.url.origin} to ${next.url.origin} is refused`
    : undefined
}

/** The step from http to https is no step to another server. */
const isSameServer = (from: URL, to: URL): boolean =>
  from.origin === to.origin ||
  (from.hostname === to.hostname && from.protocol === "http:" && to.protocol === "https:")
