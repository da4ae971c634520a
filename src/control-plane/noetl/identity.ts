/** Who we are to a NoETL server: a token and a client certificate, from files that may be rotated while we run. */
import { Redacted } from "effect"
import { readFileSync } from "node:fs"
import { buildConnector } from "undici"
import type { TlsFiles } from "../ControlPlane.ts"

/** Keeps a secret from what leaves the worker; see `KnownSecrets`. */
export type Remember = (name: string, secret: string) => void

/** The token as it is now. A file that cannot be read at the moment leaves the last one. */
export const tokenReader = (file: string | undefined, value: Redacted.Redacted | undefined) => {
  let last = value
  return (): Redacted.Redacted | undefined => {
    if (file === undefined) return value
    try {
      const text = readFileSync(file, "utf8").trim()
      if (text !== "" && (last === undefined || Redacted.value(last) !== text)) last = Redacted.make(text)
    } catch {
      // Between two versions of the file there may be none.
    }
    return last
  }
}

export const isEmpty = ({ caFile, certFile, keyFile }: TlsFiles): boolean =>
  caFile === undefined && certFile === undefined && keyFile === undefined

/** Opens connections with the certificates as they are at that moment. */
export const connectorOf =
  (files: TlsFiles, remember: Remember = () => undefined): buildConnector.connector =>
  (options, callback) => {
    try {
      buildConnector(pemOf(files, remember))(options, callback)
    } catch (cause) {
      callback(cause instanceof Error ? cause : new Error(String(cause)), null)
    }
  }

const pemOf = ({ caFile, certFile, keyFile }: TlsFiles, remember: Remember) => ({
  ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
  ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
  ...(keyFile === undefined ? {} : { key: keyIn(keyFile, remember) })
})

const keyIn = (file: string, remember: Remember): Buffer => {
  const key = readFileSync(file)
  remember(`the key of ${file}`, key.toString("latin1"))
  return key
}

export interface Token {
  readonly origin: string
  /** Called for every request: the token may rotate. */
  readonly read: () => Redacted.Redacted | undefined
}

/** The same token, each of its values known to the redactor before it is sent. */
export const remembered = (token: Token | undefined, remember: Remember): Token | undefined => {
  let last: Redacted.Redacted | undefined
  return token === undefined
    ? undefined
    : {
        origin: token.origin,
        read: () => {
          const now = token.read()
          if (now !== undefined && now !== last) remember("the server's token", Redacted.value(now))
          last = now
          return now
        }
      }
}

/** The bearer token, for the server it was given for. */
export const authorizationFor = (
  settings: { readonly token: Token | undefined },
  url: string
): Record<string, string> => {
  if (settings.token === undefined || !isFor(settings.token, url)) return {}
  const token = settings.token.read()
  return token === undefined ? {} : { authorization: `Bearer ${Redacted.value(token)}` }
}

/** Whether something that is meant for one server may go to this address. */
export const isFor = (what: { readonly origin: string } | undefined, url: string): boolean =>
  what !== undefined && (url.startsWith(`${what.origin}/`) || originOf(url) === what.origin)

export const originOf = (url: string): string | undefined =>
  URL.canParse(url) ? new URL(url).origin : undefined
