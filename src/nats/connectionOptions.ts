/** How to reach NATS, in the client's own words. Plain data, so that the lease thread can use it too. */
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator
} from "@nats-io/transport-node"
import { readFileSync } from "node:fs"
import { messageOf } from "../domain/messageOf.ts"

export interface NatsSettings {
  /** One or more URLs, separated by commas. User info in the first one is taken out and used. */
  readonly url: string
  readonly user: string | undefined
  readonly password: string | undefined
  readonly token: string | undefined
  /** File with an nkey's seed. */
  readonly nkeyFile: string | undefined
  /** File with a JWT and the seed of its nkey, as `nsc` writes it. */
  readonly credsFile: string | undefined
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

/** Keeps a secret from what leaves the worker; see `KnownSecrets`. */
type Remember = (name: string, secret: string) => void

export const localNats: NatsSettings = {
  url: "nats://127.0.0.1:4222",
  user: undefined,
  password: undefined,
  token: undefined,
  nkeyFile: undefined,
  credsFile: undefined,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined
}

/**
 * Reconnects for ever, with jitter so that a fleet does not come back in one instant. Files of keys, credentials and
 * certificates are read again at each reconnect, so that they may be rotated while we run. Throws when there is no
 * usable key or credential in its file.
 */
export const connectionOptions = (
  settings: NatsSettings,
  name: string,
  remember: Remember = () => undefined
): ConnectionOptions => {
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
    ...authenticatorOf(settings, remember),
    ...tlsOf(settings, servers)
  }
}

/** The URL as it may be shown: without user info. */

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
    user: decoded(colon < 0 ? info : info.slice(0, colon)),
    password: colon < 0 ? undefined : decoded(info.slice(colon + 1))
  }
}

/** A password with a percent sign that was written as it is stays as it is. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const authenticatorOf = (
  { credsFile, nkeyFile }: NatsSettings,
  remember: Remember
): Pick<ConnectionOptions, "authenticator"> => {
  const both = [
    ...(nkeyFile === undefined
      ? []
      : [fromFile(nkeyFile, remember, (text) => nkeyAuthenticator(seedIn(text)))]),
    ...(credsFile === undefined
      ? []
      : [fromFile(credsFile, remember, (text) => credsAuthenticator(Buffer.from(text)))])
  ]
  return both.length === 0 ? {} : { authenticator: both }
}

/**
 * Reads the file whenever the server asks who we are. What was good goes on while the file is being written: the
 * client gives up for ever when an authenticator throws.
 */
const fromFile = (path: string, remember: Remember, make: (text: string) => Authenticator): Authenticator => {
  const read = (nonce?: string) => {
    const text = readFileSync(path, "utf8")
    remember(`NATS's ${path}`, text)
    const authenticator = make(text)
    return { authenticator, answer: authenticator(nonce) }
  }
  let good: Authenticator
  try {
    good = read().authenticator
  } catch (cause) {
    throw new Error(`${path}: ${messageOf(cause)}`, { cause })
  }
  return (nonce) => {
    try {
      const { answer, authenticator } = read(nonce)
      good = authenticator
      return answer
    } catch {
      return good(nonce)
    }
  }
}

const seedIn = (text: string): Uint8Array => {
  const line = text
    .split("\n")
    .map((part) => part.trim())
    .find((part) => /^S[A-Z2-7]{20,}$/.test(part))
  if (line === undefined) throw new Error("there is no nkey seed in it")
  return Buffer.from(line)
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
