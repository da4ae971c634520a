/** How long connections to PostgreSQL live, and what happens to one that has gone silent. */
import { assert, layer as testLayer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { isObject, type JsonObject } from "../../../src/domain/Json.ts"
import { aCall, runTool } from "../../../src/testing/suites/ToolSuite.ts"
import { Pools } from "../../../src/tools/postgres/Pools.ts"
import {
  defaults,
  PostgresOptions,
  type PostgresSettings
} from "../../../src/tools/postgres/PostgresOptions.ts"
import { PostgresTool } from "../../../src/tools/PostgresTool.ts"
import { ScriptSource } from "../../../src/tools/python/ScriptSource.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { serverOfFile } from "../../support/PostgresServer.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { until } from "../../support/until.ts"

const server = serverOfFile()
const toolbox = (more: Partial<PostgresSettings>) =>
  Toolbox.layer(PostgresTool).pipe(
    Layer.provide(PostgresTool.layerNoDeps),
    Layer.provideMerge(Pools.layer),
    Layer.provide(ScriptSource.layer),
    Layer.provide(EgressOptions.layerDevelopment),
    Layer.provide(Layer.succeed(PostgresOptions, { ...defaults, ...more }))
  )
/** Which connection a command ran on. */
const backend = (more: JsonObject = {}) =>
  Effect.map(
    runTool(
      aCall("postgres", { ...server.current.settings, query: "SELECT pg_backend_pid() AS pid", ...more })
    ),
    ({ data, error }) => {
      assert.isUndefined(error, error?.message)
      return isObject(data ?? null)
        ? (data as { readonly rows: ReadonlyArray<JsonObject> }).rows[0]?.["pid"]
        : 0
    }
  )

testLayer(toolbox({ idle: Duration.millis(150) }), { excludeTestServices: true })("A connection", (it) => {
  it.effect("is used again, and closed when nobody uses it", () =>
    Effect.gen(function* () {
      const pools = yield* Pools
      assert.strictEqual(yield* backend(), yield* backend())
      assert.strictEqual(yield* pools.open, 1)
      yield* until(pools.open, (n) => n === 0)
      yield* until(
        Effect.suspend(() => server.current.connections),
        (n) => n === 0
      )
    })
  )
})

testLayer(toolbox({ lifetime: Duration.seconds(1) }), { excludeTestServices: true })("A connection", (it) => {
  it.effect("that is always in use is replaced when it is old", () =>
    Effect.gen(function* () {
      const pools = yield* Pools
      const first = yield* backend()
      yield* until(backend(), (pid) => pid !== first)
      yield* until(pools.open, (n) => n === 1)
    })
  )
})

/** A way to the server that can go silent, as one does that a firewall forgot. */
const way = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly silence: () => void; readonly close: () => void }>(
    (resume) => {
      const sockets = new Set<Socket>()
      const { host, port } = server.current.settings as { readonly host: string; readonly port: number }
      const proxy = createServer((near) => {
        const far = connect(port, host)
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket.on("error", () => undefined)
        }
        near.pipe(far)
        far.pipe(near)
      }).listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            port: (proxy.address() as AddressInfo).port,
            silence: () => {
              for (const socket of sockets) socket.unpipe().pause()
            },
            close: () => {
              for (const socket of sockets) socket.destroy()
              proxy.close()
            }
          })
        )
      )
    }
  ),
  ({ close }) => Effect.sync(close)
)

testLayer(toolbox({ checkAfter: Duration.zero, cancelGrace: Duration.millis(200) }), {
  excludeTestServices: true
})("A connection", (it) => {
  it.effect("that was idle is asked before it is used, and replaced when it is silent", () =>
    Effect.gen(function* () {
      const { port, silence } = yield* way
      const first = yield* backend({ port })
      assert.strictEqual(yield* backend({ port }), first)
      silence()
      assert.notStrictEqual(yield* backend({ port }), first)
    })
  )
})
