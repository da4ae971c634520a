import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib"
import { aCall, runTool } from "../../../src/testing/suites/ToolSuite.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { HttpTool } from "../../../src/tools/HttpTool.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"

const layer = Toolbox.layer(HttpTool).pipe(
  Layer.provide(HttpTool.layer.pipe(Layer.provide(EgressOptions.layerDevelopment)))
)

/** Calls `answer` with the socket of every request whose head has arrived. */
const serverOf = (answer: (socket: Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        let head = ""
        socket.on("data", (chunk) => {
          head += chunk.toString("latin1")
          if (!head.includes("\r\n\r\n")) return
          head = ""
          answer(socket)
        })
      })
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
            close: () => {
              for (const socket of sockets) socket.destroy()
              server.close()
            }
          })
        )
      )
    }),
    ({ close }) => Effect.sync(close)
  )

const asked = (answer: (socket: Socket) => void) =>
  Effect.gen(function* () {
    const { url } = yield* serverOf(answer)
    return yield* Effect.result(runTool(aCall("http", { url })))
  }).pipe(Effect.scoped, Effect.provide(layer))

const text = JSON.stringify({
  items: Array.from({ length: 500 }, (_, i) => ({ id: i, name: `item ${i * 7919}` }))
})
const closed = (encoding: string, bytes: Buffer) => (socket: Socket) => {
  socket.write(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: ${encoding}\r\nconnection: close\r\n\r\n`
  )
  socket.end(bytes)
}

const encodings = [
  ["gzip", gzipSync(text)],
  ["deflate", deflateSync(text)],
  ["deflate", deflateRawSync(text)],
  ["br", brotliCompressSync(text)],
  ["zstd", zstdCompressSync(text)],
  ["gzip, zstd", zstdCompressSync(gzipSync(text))]
] as const

describe("HttpTool, compressed answers", () => {
  it.live.each(encodings)("reads %s to the end of the connection", ([encoding, bytes]) =>
    Effect.gen(function* () {
      const result = yield* asked(closed(encoding, bytes))
      assert.deepNestedInclude(result, { "success.status": "success", "success.data.data": JSON.parse(text) })
    })
  )

  it.live.each(encodings)("half of %s is an error of the connection that may pass", ([encoding, bytes]) =>
    Effect.gen(function* () {
      const result = yield* asked(closed(encoding, bytes.subarray(0, bytes.length / 2)))
      assert.deepNestedInclude(result, {
        "failure.failure.kind": "connection",
        "failure.failure.retryable": true,
        "failure.failure.code": "CONN_RESET"
      })
    })
  )

  it.live("an answer without a body has no compression either", () =>
    Effect.gen(function* () {
      const result = yield* asked(closed("gzip", Buffer.alloc(0)))
      assert.deepNestedInclude(result, { "success.status": "success", "success.data.data": "" })
    })
  )
})

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

describe("HttpTool, 100 Continue without being asked", () => {
  it.live.each([
    ["in one piece", ["HTTP/1.1 100 Continue\r\n\r\n" + ok]],
    ["before the answer", ["HTTP/1.1 100 Continue\r\n\r\n", ok]],
    ["in pieces", ["HTT", "P/1.1 100 Cont", "inue\r\nserver: x\r\n", "\r\n", ok]],
    ["twice", ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", ok]],
    ["of an older version", ["HTTP/1.0 100 Continue\r\n\r\n", ok]]
  ] as const)("is read past, %s", ([, pieces]) =>
    Effect.gen(function* () {
      const result = yield* asked((socket) => {
        socket.setNoDelay(true)
        const send = ([first, ...others]: ReadonlyArray<string>): void => {
          if (first !== undefined) socket.write(first, () => setImmediate(send, others))
        }
        send(pieces)
      })
      assert.deepNestedInclude(result, { "success.status": "success", "success.data.data": "ok" })
    })
  )

  it.live("is read past for every request of a connection", () =>
    Effect.gen(function* () {
      const seen = new Set<Socket>()
      const { url } = yield* serverOf((socket) => {
        seen.add(socket)
        socket.write("HTTP/1.1 100 Continue\r\n\r\n" + ok)
      })
      for (let i = 0; i < 3; i++) {
        const result = yield* runTool(aCall("http", { url }))
        assert.deepInclude(result.data, { data: "ok" })
      }
      // At least one request came over a connection that another had used.
      assert.isBelow(seen.size, 3)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("a body that begins like one stays a body", () =>
    Effect.gen(function* () {
      const body = "HTTP/1.1 100 Continue\r\n\r\n"
      const result = yield* asked((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`, () => socket.write(body))
      })
      assert.deepNestedInclude(result, { "success.data.data": body })
    })
  )
})
