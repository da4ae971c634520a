import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { workerLayer } from "../../src/config/layers.ts"
import { load } from "../../src/config/load.ts"
import { toolOptions } from "../../src/config/toolOptions.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { BreakerOptions } from "../../src/tools/breaker/BreakerOptions.ts"
import { Egress } from "../../src/tools/http/Egress.ts"
import { SafeHttp } from "../../src/tools/http/SafeHttp.ts"
import { ProcessOptions } from "../../src/tools/process/ProcessOptions.ts"
import { PythonOptions } from "../../src/tools/python/PythonOptions.ts"
import { ShellTool } from "../../src/tools/ShellTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { aCall } from "../../src/testing/suites/ToolSuite.ts"

const loaded = (env: Record<string, string>) =>
  load({ flags: new Map(), env, dotenv: undefined, file: undefined })
const options = (env: Record<string, string>) => toolOptions(Result.getOrThrow(loaded(env)).values)

const egressOf = (env: Record<string, string>) =>
  Effect.provide(
    Effect.map(
      Egress,
      ({ checkUrl }) =>
        (url: string) =>
          checkUrl(new URL(url)) === undefined
    ),
    Layer.fresh(Egress.layer).pipe(Layer.provide(options(env)))
  )

describe("The settings of tools", () => {
  it.effect.each<[string, Record<string, string>, string, boolean]>([
    ["a private address", {}, "http://10.1.2.3/", true],
    ["the worker's own port", {}, "http://127.0.0.1:9090/metrics", false],
    ["the worker's own port, elsewhere", { HEALTH_PORT: "8080" }, "http://[::1]:8080/", false],
    ["another port of this machine", {}, "http://127.0.0.1:8081/", true],
    ["the metadata service", { WORKER_EGRESS_ALLOW: "10.0.0.0/8" }, "http://169.254.169.254/", false],
    ["a private address in production", { WORKER_EGRESS: "production" }, "http://10.1.2.3/", false],
    ["this machine in production", { WORKER_EGRESS: "production" }, "http://127.0.0.1/", false],
    ["a public address in production", { WORKER_EGRESS: "production" }, "http://1.1.1.1/", true],
    [
      "what production's list names",
      { WORKER_EGRESS: "production", WORKER_EGRESS_ALLOW: "10.1.0.0/16" },
      "http://10.1.2.3/",
      true
    ],
    ["what is denied", { WORKER_EGRESS_DENY: "1.1.1.0/24" }, "http://1.1.1.1/", false]
  ])("decide about %s", ([, env, url, allowed]) =>
    Effect.map(egressOf(env), (asks) => assert.strictEqual(asks(url), allowed))
  )

  it.each(["10.0.0.0/33", "10.0.0", "http://x", "a b/c"])("refuse %s as a place", (place) => {
    assert.isTrue(Result.isFailure(loaded({ WORKER_EGRESS_ALLOW: place })))
  })

  it.effect("give programs, Python and the breaker what was asked for", () =>
    Effect.gen(function* () {
      const { limits, passEnv } = yield* ProcessOptions
      assert.deepStrictEqual(passEnv, ["AWS_*", "LANG"])
      assert.deepStrictEqual(limits, { memoryBytes: 268435456, cpuSeconds: 9, fileBytes: 1048576 })
      assert.deepInclude(yield* PythonOptions, { interpreter: "/opt/python", warm: false })
      assert.strictEqual((yield* BreakerOptions).failures, 0)
    }).pipe(
      Effect.provide(
        options({
          WORKER_PASS_ENV: "AWS_*, LANG",
          WORKER_CHILD_MEMORY_MB: "256",
          WORKER_CHILD_CPU_SECONDS: "9",
          WORKER_CHILD_FILE_MB: "1",
          PYTHON_PATH: "/opt/python",
          WORKER_PYTHON_WARM: "no",
          WORKER_BREAKER_FAILURES: "0"
        })
      )
    )
  )

  it.live("hold a real program to its limit", () =>
    Effect.gen(function* () {
      const toolbox = yield* Toolbox
      const command = "head -c 3000000 /dev/zero > $(mktemp) && echo written"
      const result = yield* toolbox.run(aCall("shell", { command }))
      assert.strictEqual(result.status, "error")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.fresh(Toolbox.layerLive(ShellTool)).pipe(Layer.provide(options({ WORKER_CHILD_FILE_MB: "1" })))
      )
    )
  )

  it.live("keep tools from the worker's own port, whichever free one it took", () => {
    const env = {
      HEALTH_PORT: "0",
      HEALTH_HOST: "127.0.0.1",
      WORKER_QUEUE: "memory",
      WORKER_CONTROL_PLANE: "memory"
    }
    const seen: Array<Egress["Service"]> = []
    const tools = Layer.effect(
      Toolbox,
      Effect.map(Egress, (egress) => {
        seen.push(egress)
        return Toolbox.of({
          kinds: [],
          declarationOf: () => ({}),
          maintenance: [],
          run: () => Effect.die("nothing is asked of it")
        })
      })
    ).pipe(Layer.provide(Egress.layer))
    return Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const asked = seen[0]?.checkUrl(new URL(HttpServer.formatAddress(address)))
      assert.include(String(asked), "the worker's own port")
    }).pipe(
      Effect.provide(workerLayer(Result.getOrThrow(loaded(env)).values, tools)),
      Effect.provide(Redactor.layer)
    )
  })

  it.live("send a request through the proxy", () =>
    Effect.gen(function* () {
      const asked: Array<string | undefined> = []
      const proxy = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer((request, answer) => {
            asked.push(request.url)
            answer.end("from the proxy")
          })
          server.on("connect", (request, socket) => {
            asked.push(request.url)
            socket.end("HTTP/1.1 502 no\r\n\r\n")
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { port } = proxy.address() as AddressInfo
      const client = Layer.fresh(SafeHttp.layer).pipe(
        Layer.provide(options({ HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "127.0.0.1" }))
      )
      yield* Effect.flatMap(SafeHttp, (http) =>
        Effect.exit(http.request({ tool: "http", url: "http://1.1.1.1/x" }))
      ).pipe(Effect.provide(client))
      assert.match(asked[0] ?? "", /1\.1\.1\.1/)
    }).pipe(Effect.scoped)
  )
})
