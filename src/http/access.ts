/** Who may read ids, steps and names: a caller with the token, or one on this machine where there is no token. */
import { Option, Redacted } from "effect"
import type { HttpServerRequest } from "effect/http"
import { createHash, timingSafeEqual } from "node:crypto"
import { isIP } from "node:net"
import { classOf } from "../domain/addresses.ts"

export const mayReadNames =
  (token: Redacted.Redacted | undefined) =>
  (request: HttpServerRequest.HttpServerRequest): boolean =>
    token === undefined ? isOnThisMachine(request) : hasToken(request, Redacted.value(token))

const hasToken = ({ headers }: HttpServerRequest.HttpServerRequest, token: string): boolean => {
  const [, given] = /^Bearer +(\S+)$/i.exec(headers["authorization"] ?? "") ?? []
  // Digests have one length, and comparing them takes one time.
  return given !== undefined && timingSafeEqual(digestOf(given), digestOf(token))
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest()

/** A page in a browser of this machine reaches the port too, by a name of its own that leads here. */
const isOnThisMachine = ({ headers, remoteAddress }: HttpServerRequest.HttpServerRequest): boolean => {
  const host = (headers["host"] ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "")
  return (
    Option.isSome(remoteAddress) &&
    classOf(remoteAddress.value) === "loopback" &&
    (host === "localhost" || isIP(host) !== 0)
  )
}
