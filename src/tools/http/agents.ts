/** Connections: undici dispatchers that ask the egress policy about every address they connect to. */
import { Duration, Effect, RcMap } from "effect"
import { isIP, type LookupFunction } from "node:net"
import { getCACertificates } from "node:tls"
import type { buildConnector, Dispatcher } from "undici"
import type { Egress } from "./Egress.ts"
import { withoutContinue } from "./interim.ts"
import type { SafeHttpSettings } from "./SafeHttpOptions.ts"

export type Undici = typeof import("undici")

/** Requests share connections when all of this is the same. */
export interface PoolKey {
  readonly verify: boolean
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly proxy: string | undefined
  readonly connectTimeoutMs: number
}

export const make = (undici: Undici, egress: Egress["Service"], settings: SafeHttpSettings) =>
  RcMap.make({
    lookup: (key: PoolKey) =>
      Effect.acquireRelease(
        Effect.sync(() => dispatcherOf(undici, egress, settings, key)),
        (dispatcher) => Effect.promise(() => dispatcher.destroy())
      ),
    idleTimeToLive: settings.keepAlive,
    capacity: settings.maxPools
  })

// --- the driver's edge ---

const dispatcherOf = (
  undici: Undici,
  egress: Egress["Service"],
  settings: SafeHttpSettings,
  key: PoolKey
): Dispatcher => {
  const tls = tlsOf(settings, key)
  const pool = {
    connections: settings.connectionsPerOrigin,
    keepAliveTimeout: Duration.toMillis(settings.keepAlive),
    keepAliveMaxTimeout: Duration.toMillis(settings.keepAlive),
    allowH2: settings.http2
  }
  return key.proxy === undefined
    ? new undici.Agent({
        ...pool,
        connect: guarded(undici, egress, { ...tls, timeout: key.connectTimeoutMs, allowH2: settings.http2 })
      })
    : // The proxy is the operator's choice and may stand on any address; it resolves the names.
      new undici.ProxyAgent({
        ...pool,
        uri: key.proxy,
        requestTls: tls,
        connectTimeout: key.connectTimeoutMs
      })
}

const tlsOf = (settings: SafeHttpSettings, key: PoolKey) => {
  const extra = [...settings.certificates, ...(key.ca === undefined ? [] : [key.ca])]
  return {
    rejectUnauthorized: key.verify,
    // A list given to Node replaces the one it has, and one server's CA must not shut out the others.
    ...(extra.length === 0 ? {} : { ca: [...getCACertificates("default"), ...extra] }),
    ...(key.cert === undefined ? {} : { cert: key.cert }),
    ...(key.key === undefined ? {} : { key: key.key })
  }
}

/** Asks before connecting (Node resolves no literal address) and, when the connection stands, about what it came to. */
const guarded = (
  undici: Undici,
  egress: Egress["Service"],
  options: buildConnector.BuildOptions
): buildConnector.connector => {
  const connectors = new Map<number, buildConnector.connector>()
  const connectorOf = (port: number): buildConnector.connector => {
    const known = connectors.get(port)
    if (known !== undefined) return known
    const made = undici.buildConnector({
      ...options,
      lookup: lookupOf(egress, port)
    })
    connectors.set(port, made)
    return made
  }
  return (target, callback) => {
    const port = target.port === "" ? (target.protocol === "https:" ? 443 : 80) : Number(target.port)
    const host = target.hostname.replace(/^\[|\]$/g, "")
    const refused = isIP(host) === 0 ? undefined : egress.checkAddress(host, port, host)
    if (refused !== undefined) return queueMicrotask(() => callback(refused, null))
    connectorOf(port)(target, (...answer) => {
      const socket = answer[1]
      const late =
        socket?.remoteAddress === undefined
          ? undefined
          : egress.checkAddress(socket.remoteAddress, port, host)
      if (socket !== null && !("alpnProtocol" in socket && socket.alpnProtocol === "h2"))
        withoutContinue(socket)
      if (late === undefined) return callback(...answer)
      socket?.destroy()
      callback(late, null)
    })
  }
}

const lookupOf =
  (egress: Egress["Service"], port: number): LookupFunction =>
  (hostname, options, callback) =>
    egress.lookup(port)(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses
      if (error !== null || first === undefined)
        callback(error ?? new Error(`${hostname} has no address`), "")
      else if (options.all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    })
