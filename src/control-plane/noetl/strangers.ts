/**
 * Servers that only messages name. The operator allows them by name, and a name leads wherever its owner points it: no
 * connection is made to an address that is refused everywhere. Which of them do not answer is known.
 */
import { Exit } from "effect"
import { lookup as dnsLookup, type LookupAddress } from "node:dns"
import { isIP, type LookupFunction } from "node:net"
import { buildConnector } from "undici"
import { classOf, refusedEverywhere } from "../../domain/addresses.ts"
import { shownUrl } from "../../domain/shownUrl.ts"
import type { ServerAway } from "../ControlPlane.ts"
import type { Answered } from "./HttpJson.ts"

/** All addresses of a name. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: ReadonlyArray<LookupAddress>) => void
) => void

const resolveByDns: Resolve = (hostname, callback) => dnsLookup(hostname, { all: true }, callback)

/** Asks before connecting, because no literal address is looked up, and about what a name came to. */
export const strangerConnector = (
  timeoutMillis: number,
  resolve: Resolve = resolveByDns
): buildConnector.connector => {
  const connect = buildConnector({ timeout: timeoutMillis, lookup: lookupOf(resolve) })
  return (target, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, "")
    const problem = isIP(host) === 0 ? undefined : problemOf(host, host)
    if (problem !== undefined) return queueMicrotask(() => callback(problem, null))
    connect(target, (...answer) => {
      const [, socket] = answer
      const late = socket?.remoteAddress === undefined ? undefined : problemOf(socket.remoteAddress, host)
      if (late === undefined) return callback(...answer)
      socket?.destroy()
      callback(late, null)
    })
  }
}

const lookupOf =
  (resolve: Resolve): LookupFunction =>
  (hostname, options, callback) =>
    resolve(hostname, (error, addresses) => {
      const allowed = addresses.filter(({ address }) => problemOf(address, hostname) === undefined)
      const [first] = allowed
      if (error !== null || first === undefined) {
        const refused = addresses.map(({ address }) => problemOf(address, hostname))[0]
        return callback(error ?? refused ?? new Error(`${hostname} has no address`), "")
      }
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })

const problemOf = (address: string, host: string): Error | undefined => {
  const class_ = classOf(address)
  if (class_ !== undefined && !refusedEverywhere.has(class_)) return undefined
  const what = class_ === undefined ? "no address" : `a ${class_} address`
  return new Error(
    `${host === address ? "" : `${host} is `}${address}: ${what}, which no server of NOETL_SERVER_ALLOW may have`
  )
}

// --- which of them answer ---

export interface Answering {
  /** To be told how each request to a server ended. */
  readonly ended: (origin: string, answered: Answered, now: number) => void
  readonly away: () => ReadonlyArray<ServerAway>
}

/** Servers by their origins, which are those of the settings. */
export const makeAnswering = (origins: ReadonlyArray<string>): Answering => {
  const since = new Map<string, number>()
  return {
    ended: (origin, answered, now) => {
      if (!origins.includes(origin)) return
      if (Exit.isSuccess(answered) && !busy.has(answered.value.status)) since.delete(origin)
      else if (!since.has(origin)) since.set(origin, now)
    },
    away: () => [...since].map(([origin, at]) => ({ address: shownUrl(origin), since: at }))
  }
}

/** A server that only ever says so does no more than one that is not there. */
const busy: ReadonlySet<number> = new Set([429, 502, 503, 504])
