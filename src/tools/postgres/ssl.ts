/** TLS towards a PostgreSQL server, by libpq's modes, and its negotiation. */
import { Effect, Redacted } from "effect"
import { connect, isIP, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions } from "node:tls"
import type { Target } from "./settings.ts"

/** TLS options, or none at all. `prefer` asks the server first. */
export const sslOf = (target: Target, timeoutMs: number): Effect.Effect<ConnectionOptions | undefined> => {
  if (target.sslmode === "disable" || target.host.startsWith("/")) return Effect.succeed(undefined)
  const options = optionsOf(target)
  return target.sslmode === "prefer" || target.sslmode === "allow"
    ? Effect.map(speaksTls(target, timeoutMs), (speaks) => (speaks ? options : undefined))
    : Effect.succeed(options)
}

/** Asks a running statement of a connection to stop. Never fails: the server does not answer anyway. */
export const cancel = (
  target: Pick<Target, "host" | "port">,
  ssl: ConnectionOptions | undefined,
  key: { readonly processID: number; readonly secretKey: number },
  timeoutMs: number
): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const request = Buffer.alloc(16)
    request.writeUInt32BE(16, 0)
    request.writeUInt32BE(cancelCode, 4)
    request.writeInt32BE(key.processID, 8)
    request.writeInt32BE(key.secretKey, 12)
    const socket = socketOf(target)
    const end = () => {
      socket.destroy()
      resume(Effect.void)
    }
    socket.setTimeout(timeoutMs, end)
    socket.once("error", end)
    socket.once("close", end)
    socket.once("connect", () => {
      if (ssl === undefined) socket.end(request)
      else upgrade(socket, target.host, ssl, (secure) => secure?.end(request) ?? end())
    })
    return Effect.sync(() => socket.destroy())
  })

// --- helpers ---

const sslRequestCode = 80_877_103
const cancelCode = 80_877_102

const optionsOf = (target: Target): ConnectionOptions => {
  const verifies =
    target.sslmode === "verify-ca" ||
    target.sslmode === "verify-full" ||
    // As in libpq: with a root certificate `require` means verify-ca.
    (target.sslmode === "require" && target.rootCertificate !== undefined)
  return {
    rejectUnauthorized: verifies,
    ...(target.sslmode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    ...(target.rootCertificate === undefined ? {} : { ca: target.rootCertificate }),
    ...(target.certificate === undefined ? {} : { cert: target.certificate }),
    ...(target.key === undefined ? {} : { key: Redacted.value(target.key) })
  }
}

const socketOf = ({ host, port }: Pick<Target, "host" | "port">): Socket =>
  host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)

const sslRequest = (): Buffer => {
  const request = Buffer.alloc(8)
  request.writeUInt32BE(8, 0)
  request.writeUInt32BE(sslRequestCode, 4)
  return request
}

/** A server that cannot be reached is said by the connection proper, not here. */
const speaksTls = (target: Target, timeoutMs: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const socket = socketOf(target)
    const answer = (speaks: boolean) => {
      socket.destroy()
      resume(Effect.succeed(speaks))
    }
    socket.setTimeout(timeoutMs, () => answer(false))
    socket.once("error", () => answer(false))
    socket.once("close", () => answer(false))
    socket.once("connect", () => socket.write(sslRequest()))
    socket.once("data", (data) => answer(data[0] === 0x53))
    return Effect.sync(() => socket.destroy())
  })

const upgrade = (
  socket: Socket,
  host: string,
  ssl: ConnectionOptions,
  use: (secure: Socket | undefined) => void
): void => {
  socket.write(sslRequest())
  socket.once("data", (data) => {
    if (data[0] !== 0x53) return use(undefined)
    const secure = connectTls({ ...ssl, socket, host, ...(isIP(host) === 0 ? { servername: host } : {}) })
    secure.once("error", () => use(undefined))
    secure.once("secureConnect", () => use(secure))
  })
}
