import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import type { IncomingHttpHeaders } from "node:http"
import { createServer } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TLSSocket } from "node:tls"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import type * as NoetlControlPlane from "../../src/control-plane/noetl/NoetlControlPlane.ts"
import { sendHeartbeat } from "../../src/queue/sendHeartbeat.ts"
import * as pem from "../support/certificates.ts"
import { noetlPlane } from "../support/noetlPlane.ts"

interface Heard {
  readonly client: string | undefined
  readonly authorization: IncomingHttpHeaders["authorization"]
}

/** A NoETL server behind TLS that talks to clients of its authority only, and to each connection once. */
const server = Effect.acquireRelease(
  Effect.callback<{ url: string; heard: Array<Heard>; close: () => void }>((resume) => {
    const heard: Array<Heard> = []
    const https = createServer(
      { cert: pem.serverCert, key: pem.serverKey, ca: pem.ca, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate()
        const name = subject?.CN
        heard.push({ client: typeof name === "string" ? name : undefined, ...authorization(request.headers) })
        request.resume()
        response.setHeader("connection", "close")
        response.end("{}")
      }
    )
    https.listen(0, "127.0.0.1", () => {
      const address = https.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ url: `https://localhost:${port}`, heard, close: () => https.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const authorization = (headers: IncomingHttpHeaders) => ({ authorization: headers.authorization })

const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const path = await mkdtemp(join(tmpdir(), "noetl-tls-"))
    for (const [name, text] of Object.entries({ ...pem })) await writeFile(join(path, name), text)
    await writeFile(join(path, "token"), "first\n")
    return path
  }),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const plane = (serverUrl: string, path: string, more: Partial<NoetlControlPlane.Settings> = {}) =>
  noetlPlane(serverUrl, {
    protocol: "auto",
    tokenFile: join(path, "token"),
    tls: { caFile: join(path, "ca"), certFile: join(path, "clientCert"), keyFile: join(path, "clientKey") },
    ...more
  })

describe("The worker's identity at a NoETL server", () => {
  it.live("is a client certificate and a token that is read for every request", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { heard, url } = yield* server
      yield* Effect.gen(function* () {
        const { heartbeat, heartbeatRequest } = yield* ControlPlane
        yield* heartbeat
        yield* Effect.promise(() => writeFile(join(path, "token"), "second"))
        yield* heartbeat
        yield* Effect.promise(() => rm(join(path, "token")))
        yield* heartbeat
        yield* Effect.promise(() => writeFile(join(path, "token"), "third"))
        assert.isDefined(heartbeatRequest)
        assert.strictEqual(
          yield* Effect.promise(() => sendHeartbeat({ ...heartbeatRequest, everyMillis: 15_000 })),
          200
        )
      }).pipe(Effect.provide(plane(url, path)))
      assert.deepStrictEqual(
        heard,
        ["first", "second", "second", "third"].map((token) => ({
          client: "worker",
          authorization: `Bearer ${token}`
        }))
      )
    }).pipe(Effect.scoped)
  )

  it.live("is read again for the next connection when its certificate was rotated", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { heard, url } = yield* server
      yield* Effect.gen(function* () {
        const { heartbeat } = yield* ControlPlane
        yield* Effect.promise(() => writeFile(join(path, "clientCert"), "half a certif"))
        const refused = yield* Effect.flip(heartbeat)
        assert.strictEqual(refused.reason._tag, "Unreachable")
        yield* Effect.promise(() => writeFile(join(path, "clientCert"), pem.clientCert))
        yield* heartbeat
        assert.strictEqual(heard.length, 1)
      }).pipe(Effect.provide(plane(url, path)))
    }).pipe(Effect.scoped)
  )

  it.live("is refused without a certificate, and says why", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { url } = yield* server
      const layer = plane(url, path, {
        tls: { caFile: join(path, "ca"), certFile: undefined, keyFile: undefined }
      })
      const error = yield* Effect.flip(
        Effect.flatMap(ControlPlane, ({ heartbeat }) => heartbeat).pipe(Effect.provide(layer))
      )
      assert.strictEqual(error.reason._tag, "Unreachable")
    }).pipe(Effect.scoped)
  )

  it.live("never goes to a server that only a message names", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { heard, url } = yield* server
      const layer = plane("https://elsewhere.test", path, { token: Redacted.make("secret") })
      yield* Effect.gen(function* () {
        const { claim } = yield* ControlPlane
        const error = yield* Effect.flip(
          claim(
            {
              executionId: "1" as never,
              eventId: "2" as never,
              commandId: "3" as never,
              step: "s",
              serverUrl: url,
              pool: undefined,
              traceparent: undefined
            },
            1
          )
        )
        // Without our authority's file the server is not even trusted.
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.deepStrictEqual(heard, [])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )
})
