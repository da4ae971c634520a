/** How to reach NATS, in the client's own words. Plain data, so that the lease keeper's thread can use it too. */
import type { ConnectionOptions } from "@nats-io/transport-node"

export interface NatsSettings {
  /** One or more URLs, separated by commas. User info in the first one is taken out and used. */
  readonly url: string
  readonly user: string | undefined
  readonly password: string | undefined
  readonly token: string | undefined
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

export const localNats: NatsSettings = {
  url: "nats://127.0.0.1:4222",
  user: undefined,
  password: undefined,
  token: undefined,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined
}

/** Reconnects for ever, with jitter so that a fleet does not come back in one instant. */
export const connectionOptions = (settings: NatsSettings, name: string): ConnectionOptions => {
  const { servers, user, password } = splitUserInfo(settings.url)
  const withUser = settings.user ?? user
  const withPassword = settings.password ?? password
  return {
    servers,
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 1500,
    reconnectJitterTLS: 1500,
    pingInterval: 20_000,
    // A password may be rotated while we run: an authorization error is no reason to give up for ever.
    ignoreAuthErrorAbort: true,
    ...(withUser === undefined ? {} : { user: withUser }),
    ...(withPassword === undefined ? {} : { pass: withPassword }),
    ...(settings.token === undefined ? {} : { token: settings.token }),
    ...tlsOf(settings, servers)
  }
}

/** The URL as it may be shown: without user info. */
export const shownUrl = (url: string): string => splitUserInfo(url).servers.join(",")

// The client does not read user info from a URL.
const splitUserInfo = (url: string) => {
  const parts = url.split(",").map((part) => part.trim())
  const found = parts.map((part) => /^(\w+:\/\/)?([^@/]+)@(.*)$/.exec(part))
  const info = found.find((match) => match !== null)?.[2]
  const servers = parts.map((part, i) => {
    const match = found[i]
    return match === null || match === undefined ? part : `${match[1] ?? ""}${match[3] ?? ""}`
  })
  if (info === undefined) return { servers, user: undefined, password: undefined }
  const colon = info.indexOf(":")
  return {
    servers,
    user: decodeURIComponent(colon < 0 ? info : info.slice(0, colon)),
    password: colon < 0 ? undefined : decodeURIComponent(info.slice(colon + 1))
  }
}

const tlsOf = (settings: NatsSettings, servers: ReadonlyArray<string>): Pick<ConnectionOptions, "tls"> => {
  const files = {
    ...(settings.caFile === undefined ? {} : { caFile: settings.caFile }),
    ...(settings.certFile === undefined ? {} : { certFile: settings.certFile }),
    ...(settings.keyFile === undefined ? {} : { keyFile: settings.keyFile })
  }
  return Object.keys(files).length > 0 || servers.some((server) => server.startsWith("tls://"))
    ? { tls: files }
    : {}
}
