/** A web server of the test's own, on a free port, gone with the scope. It remembers what it was asked. */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createSecureServer } from "node:http2"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import { ca, serverCert, serverKey } from "./certificates.ts"

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage["headers"]
  readonly body: Buffer
}

export interface Stub {
  readonly url: string
  readonly port: number
  readonly asked: ReadonlyArray<Asked>
  /** Connections open now, and how many there were. */
  readonly connections: { readonly open: number; readonly total: number }
}

export type Handler = (asked: Asked, response: ServerResponse) => void

export const make = (
  handler: Handler,
  options: { readonly tls?: "http1" | "http2" | "client-certificate" } = {}
): Effect.Effect<Stub, never, Scope.Scope> =>
  Effect.gen(function* () {
    const asked: Array<Asked> = []
    const sockets = new Set<Socket>()
    let total = 0
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const url = new URL(request.url ?? "/", "http://stub")
        const one = {
          method: request.method ?? "",
          path: url.pathname,
          query: url.searchParams,
          headers: request.headers,
          body: Buffer.concat(chunks)
        }
        asked.push(one)
        handler(one, response)
      })
    }
    const server = yield* Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const made = serverOf(listener, options.tls)
        made.on("connection", (socket: Socket) => {
          total++
          sockets.add(socket)
          socket.on("close", () => sockets.delete(socket))
        })
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.callback<void>((resume) => {
          made.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    const { port } = server.address() as AddressInfo
    return {
      url: options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
      port,
      asked,
      connections: {
        get open() {
          return sockets.size
        },
        get total() {
          return total
        }
      }
    }
  })

/** Answers JSON. */
export const json = (
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {}
) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(JSON.stringify(value))
}

const serverOf = (
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  tls: "http1" | "http2" | "client-certificate" | undefined
): Server => {
  const identity = { cert: serverCert, key: serverKey }
  switch (tls) {
    case undefined:
      return createServer(listener)
    case "http1":
      return createTlsServer(identity, listener)
    case "client-certificate":
      return createTlsServer({ ...identity, ca, requestCert: true, rejectUnauthorized: true }, listener)
    case "http2":
      // Its requests and responses have the shape of HTTP/1's.
      return createSecureServer({ ...identity, allowHTTP1: true }, listener as never) as unknown as Server
  }
}
