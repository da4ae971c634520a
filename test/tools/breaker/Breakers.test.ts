import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Latch, Layer, Metric, Schema } from "effect"
import { TestClock } from "effect/testing"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import * as Failure from "../../../src/domain/Failure.ts"
import * as ToolResult from "../../../src/domain/ToolResult.ts"
import { BreakerOptions, type BreakerSettings, defaults } from "../../../src/tools/breaker/BreakerOptions.ts"
import { guarded } from "../../../src/tools/breaker/Breakers.ts"
import * as Metrics from "../../../src/tools/breaker/metrics.ts"
import { HttpTool } from "../../../src/tools/HttpTool.ts"
import { PostgresTool } from "../../../src/tools/PostgresTool.ts"
import * as Tool from "../../../src/tools/Tool.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { InvalidConfig, TimedOut, ToolError } from "../../../src/domain/ToolError.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { aCall } from "../../../src/testing/suites/ToolSuite.ts"

/** A tool that calls the target it is told, by what the test says. A new tool has no more to do than its one line. */
class Caller extends Context.Service<Caller, Tool.Tool>()("test/Caller") {}
const caller = (answer: (calls: number) => Effect.Effect<ToolResult.ToolResult, ToolError>) => {
  const state = { calls: 0 }
  const tool = Tool.make({
    kind: "caller",
    config: Schema.Struct({ target: Schema.String }),
    run: ({ target }) =>
      Effect.suspend(() => answer(++state.calls)).pipe(guarded({ tool: "caller", name: target }))
  })
  const settings: BreakerSettings = { ...defaults, failures: 3, open: Duration.seconds(5), maxTargets: 2 }
  const world = Toolbox.layer(Caller).pipe(
    Layer.provide(Layer.succeed(Caller, tool)),
    Layer.provide(Layer.succeed(BreakerOptions, settings))
  )
  return { state, world }
}

const call = (target = "a") =>
  Effect.flatMap(Toolbox, (toolbox) => Effect.scoped(toolbox.run(aCall("caller", { target }))))
const codeOf = (target?: string) =>
  Effect.map(Effect.result(call(target)), (ended) =>
    ended._tag === "Success" ? "ok" : (ended.failure.failure.code ?? ended.failure.failure.kind)
  )
const refused = (kind: Failure.FailureKind, more: Partial<Failure.Failure> = {}) =>
  Effect.fail(ToolError.ofFailure("caller", Failure.make(kind, "no", { code: kind.toUpperCase(), ...more })))
const well = Effect.succeed(ToolResult.success(1))
const own = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

describe("Breakers", () => {
  it.effect("leave a target alone that fails every time, probe it once, and go on when it is well", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make(false)
      const { state, world } = caller((n) =>
        n <= 4 ? refused("connection") : n === 5 ? Effect.andThen(gate.await, well) : well
      )
      yield* Effect.gen(function* () {
        for (let n = 0; n < 3; n++) assert.strictEqual(yield* codeOf(), "CONNECTION")
        const { failure } = yield* Effect.flip(call())
        assert.deepInclude(failure, {
          code: "CIRCUIT_OPEN",
          kind: "connection",
          retryable: true,
          retryAfter: 5
        })
        assert.strictEqual(state.calls, 3)
        assert.strictEqual(yield* codeOf("b"), "CONNECTION")
        yield* TestClock.adjust("5 seconds")
        const probe = yield* Effect.forkChild(call(), { startImmediately: true })
        assert.strictEqual(yield* codeOf(), "CIRCUIT_OPEN")
        yield* gate.open
        yield* Fiber.join(probe)
        assert.strictEqual(yield* codeOf(), "ok")
        const counted = yield* Effect.forEach(
          Object.values({ ...Metrics.calls, ...Metrics.transitions }),
          (one) => Effect.map(Metric.value(one), ({ count }) => count)
        )
        assert.deepStrictEqual(counted, [2, 4, 0, 2, 1, 1])
      }).pipe(Effect.provide(world))
    }).pipe(own)
  )

  it.effect("wait twice as long after a probe that fails", () => {
    const { world } = caller(() => refused("timeout"))
    return Effect.gen(function* () {
      for (let n = 0; n < 3; n++) yield* codeOf()
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* codeOf(), "TIMEOUT")
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* codeOf(), "CIRCUIT_OPEN")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* codeOf(), "TIMEOUT")
    }).pipe(Effect.provide(world), own)
  })

  it.effect("let another call probe when the one that did was interrupted", () => {
    const { world } = caller((n) => (n <= 3 ? refused("connection") : n === 4 ? Effect.never : well))
    return Effect.gen(function* () {
      for (let n = 0; n < 3; n++) yield* codeOf()
      yield* TestClock.adjust("5 seconds")
      const probe = yield* Effect.forkChild(call(), { startImmediately: true })
      yield* Fiber.interrupt(probe)
      assert.strictEqual(yield* codeOf(), "ok")
    }).pipe(Effect.provide(world), own)
  })

  it.effect("remember no more targets than they may, and first those that are left alone", () => {
    const { world } = caller(() => refused("connection"))
    return Effect.gen(function* () {
      for (let n = 0; n < 3; n++) yield* codeOf("a")
      yield* codeOf("b")
      yield* codeOf("c")
      assert.strictEqual(yield* codeOf("a"), "CIRCUIT_OPEN")
      for (const target of ["b", "b", "b"]) assert.strictEqual(yield* codeOf(target), "CONNECTION")
    }).pipe(Effect.provide(world), own)
  })

  const invalid = new ToolError({
    tool: "caller",
    reason: new InvalidConfig({ issues: [{ at: "url", problem: "no" }] })
  })
  it.each<[string, Effect.Effect<never, ToolError>, boolean]>([
    ["no connection", refused("connection"), true],
    ["no answer", refused("timeout", { code: "CONN_TIMEOUT" }), true],
    ["a database that starts", refused("db_connection"), true],
    ["a wrong password", refused("auth"), false],
    ["a constraint", refused("db_constraint"), false],
    ["a certificate that does not fit", refused("connection", { retryable: false }), false],
    ["a full pool of ours", refused("timeout", { code: "POOL_TIMEOUT" }), false],
    ["a refused address", refused("config", { code: "EGRESS_REFUSED" }), false],
    [
      "the author's own deadline",
      Effect.fail(new ToolError({ tool: "caller", reason: new TimedOut({ seconds: 1 }) })),
      false
    ],
    ["a wrong setting", Effect.fail(invalid), false],
    ["a defect of the tool", Effect.die(new Error("boom")), false]
  ])("count %s as the target's failure or not", (_, answer, counts) =>
    Effect.gen(function* () {
      const { state, world } = caller(() => answer)
      yield* Effect.exit(call()).pipe(Effect.repeat({ times: 4 }), Effect.provide(world))
      assert.strictEqual(state.calls, counts ? 3 : 5)
    }).pipe(own, Effect.runPromise)
  )
})

// --- real targets ---

const listening = (status: () => number, headers: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Server; readonly hits: () => number }>((resume) => {
      let hits = 0
      const server = createServer((_, answer) => {
        hits += 1
        answer.writeHead(status(), headers).end("{}")
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, hits: () => hits })))
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const real = (settings: Partial<BreakerSettings>) =>
  Toolbox.layerLive(HttpTool, PostgresTool).pipe(
    Layer.provide(EgressOptions.layerDevelopment),
    Layer.provide(Layer.succeed(BreakerOptions, { ...defaults, failures: 3, ...settings }))
  )
const run = (kind: string, config: Record<string, string>) =>
  Effect.flatMap(Toolbox, (toolbox) => Effect.scoped(toolbox.run(aCall(kind, config))))

describe("The breaker of a real target", () => {
  it.live("spares a server that answers 503, and finds it when it is back", () =>
    Effect.gen(function* () {
      let status = 503
      const { hits, server } = yield* listening(() => status)
      const url = `${originOf(server)}/x`
      for (let n = 0; n < 3; n++) assert.strictEqual((yield* run("http", { url })).status, "error")
      for (let n = 0; n < 20; n++) {
        const { failure } = yield* Effect.flip(run("http", { url: `${originOf(server)}/other` }))
        assert.strictEqual(failure.code, "CIRCUIT_OPEN")
        assert.isAtMost(failure.retryAfter ?? Infinity, 0.4)
      }
      assert.strictEqual(hits(), 3)
      status = 200
      yield* Effect.sleep("450 millis")
      assert.strictEqual((yield* run("http", { url })).status, "success")
      assert.strictEqual((yield* run("http", { url })).status, "success")
    }).pipe(Effect.provide(real({ open: Duration.millis(400) })), Effect.scoped)
  )

  it.live.each([404, 401, 400])("is not troubled by %s", (status) =>
    Effect.gen(function* () {
      const { hits, server } = yield* listening(() => status)
      for (let n = 0; n < 6; n++) yield* run("http", { url: originOf(server) })
      assert.strictEqual(hits(), 6)
    }).pipe(Effect.provide(real({})), Effect.scoped)
  )

  it.live("waits as long as a server that has too much to do asks it to", () =>
    Effect.gen(function* () {
      const { server } = yield* listening(() => 429, { "retry-after": "30" })
      for (let n = 0; n < 3; n++) yield* run("http", { url: originOf(server) })
      const { failure } = yield* Effect.flip(run("http", { url: originOf(server) }))
      assert.strictEqual(failure.retryAfter, 30)
    }).pipe(Effect.provide(real({})), Effect.scoped)
  )

  it.live("spares a database that is not there", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(
        Effect.map(
          listening(() => 200),
          ({ server }) => String((server.address() as AddressInfo).port)
        )
      )
      const config = {
        host: "127.0.0.1",
        port,
        user: "u",
        password: "p",
        database: "d",
        sslmode: "disable",
        command: "SELECT 1"
      }
      const code = Effect.map(Effect.flip(run("postgres", config)), ({ failure }) => failure)
      for (let n = 0; n < 3; n++) assert.strictEqual((yield* code).code, "CONN_REFUSED")
      assert.deepInclude(yield* code, { code: "CIRCUIT_OPEN", kind: "db_connection", retryable: true })
    }).pipe(Effect.provide(real({})), Effect.scoped)
  )
})
