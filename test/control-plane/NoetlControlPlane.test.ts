import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted } from "effect"
import { hostname } from "node:os"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import { normalizedUrl } from "../../src/control-plane/noetl/HttpJson.ts"
import * as NoetlControlPlane from "../../src/control-plane/noetl/NoetlControlPlane.ts"
import { Claim } from "../../src/index.ts"
import type { Command } from "../../src/domain/Command.ts"
import * as Failure from "../../src/domain/Failure.ts"
import * as Notification from "../../src/domain/Notification.ts"
import { Failed, Started, Succeeded } from "../../src/domain/WorkerEvent.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { Backstage, suite } from "../../src/testing/suites/ControlPlaneSuite.ts"
import { noetlPlane } from "../support/noetlPlane.ts"
import { FakeNoetl, type Seen, type Spoiled } from "../support/FakeNoetl.ts"

type More = Partial<NoetlControlPlane.Settings> | ((url: string) => Partial<NoetlControlPlane.Settings>)

const plane = (more: More = {}) =>
  Layer.unwrap(
    Effect.map(FakeNoetl, ({ url }) => noetlPlane(url, typeof more === "function" ? more(url) : more))
  )

/** What one server generation writes for bookkeeping, beside the events that all have. */
const bookkeeping = new Set(["step.enter", "step.exit"])

const backstage = Layer.effect(
  Backstage,
  Effect.map(FakeNoetl, (server) =>
    Backstage.of({
      issue: server.issue,
      takeAway: server.takeAway,
      cancel: server.cancel,
      events: (command) =>
        Effect.map(server.events, (events) =>
          events
            .filter((event) => event.commandId === command.commandId && !bookkeeping.has(event.name))
            .map((event) => event.name)
        ),
      ending: () =>
        Effect.map(server.events, (events) => {
          const call = events.find((event) => event.name === "call.done" || event.name === "call.error")
          return call?.name === "call.done" ? call.payload["response"] : call?.payload["error"]
        }),
      workers: server.workers
    })
  )
)

suite("NoetlControlPlane", Layer.mergeAll(plane(), backstage).pipe(Layer.provideMerge(FakeNoetl.layer)))

const withServer = <A, E>(body: Effect.Effect<A, E, ControlPlane | FakeNoetl>, more: More = {}) =>
  body.pipe(
    Effect.provide(plane(more).pipe(Layer.provideMerge(FakeNoetl.layer))),
    Effect.timeout("20 seconds")
  )

const notificationFor = (command: Command) =>
  Effect.gen(function* () {
    const body = yield* (yield* FakeNoetl).issue(command)
    return yield* Effect.fromResult(Notification.decode(body))
  })

const claimed = Effect.fnUntraced(function* (command: Command) {
  const claim = yield* (yield* ControlPlane).claim(yield* notificationFor(command), 1)
  assert.strictEqual(claim._tag, "Claimed")
  return (claim as Extract<Claim.Claim, { readonly _tag: "Claimed" }>).command
})

const names = Effect.flatMap(FakeNoetl, (server) =>
  Effect.map(server.events, (events) => events.map((event) => event.name))
)

const done = Succeeded({
  value: { id: 7 },
  result: { status: "success", data: { id: 7 } },
  contextUpdates: {}
})
const error = Failure.make("tool_error", "exit 42")
const failed = Failed({ error, result: { status: "error", error } })

const isCallDone = ({ body, path }: Seen) =>
  path === "/api/events" && JSON.stringify(body).includes('"call.done"')

describe.concurrent("NoetlControlPlane with a python2 server", () => {
  it.live("sends the events of a success as the real worker does", () =>
    withServer(
      Effect.gen(function* () {
        const command = yield* claimed(aCommand(1, { meta: { loop_event_id: "loop_1" } }))
        const control = yield* ControlPlane
        yield* control.report(command, Started(), { mayBeThere: false })
        yield* control.report(command, done, { mayBeThere: false })
        const events = yield* (yield* FakeNoetl).events
        const id = command.commandId
        assert.deepStrictEqual(
          events.map(({ actionable, name, payload, single, step }) => [
            name,
            step,
            single,
            actionable,
            payload
          ]),
          [
            ["command.started", "start", false, false, { command_id: id, worker_id: "w1" }],
            ["step.enter", "start", false, false, { status: "started" }],
            [
              "call.done",
              "start",
              true,
              true,
              { response: { id: 7 }, command_id: id, loop_event_id: "loop_1" }
            ],
            ["step.exit", "start", false, false, { result: { id: 7 }, status: "completed", command_id: id }],
            [
              "command.completed",
              "start",
              false,
              false,
              { command_id: id, worker_id: "w1", result: { id: 7 } }
            ]
          ] as never
        )
      })
    )
  )

  it.live(
    "ends the run with an error that no arc handled, and leaves it running with one that an arc handled",
    () =>
      withServer(
        Effect.gen(function* () {
          const server = yield* FakeNoetl
          const control = yield* ControlPlane
          yield* control.report(yield* claimed(aCommand(1)), failed, { mayBeThere: false })
          const single = (yield* server.events).filter((event) => event.single).map((event) => event.name)
          assert.deepStrictEqual(single, ["call.error", "command.failed"])
          yield* server.handleErrors
          yield* control.report(yield* claimed(aCommand(2)), failed, { mayBeThere: false })
          const handled = (yield* server.events).slice(3).map((event) => [event.name, event.single])
          assert.deepStrictEqual(handled, [
            ["call.error", true],
            ["step.exit", false],
            ["command.failed", false]
          ])
        })
      )
  )

  const ambiguous: ReadonlyArray<readonly [string, Spoiled]> = [
    ["the connection broke before the server saw it", "reset before"],
    ["the connection broke after the server stored it", "reset after"],
    ["the server answered 500 and stored it all the same", { status: 500, stored: true }],
    ["the server answered 500 and did not store it", { status: 500, stored: false }],
    ["the server was too busy", { status: 503, stored: false, headers: { "retry-after": "0" } }]
  ]
  it.live.each(ambiguous)("stores call.done exactly once when %s", ([, spoiled]) =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const command = yield* claimed(aCommand())
        const state = { times: 0 }
        yield* server.spoil((seen) => (isCallDone(seen) && state.times++ < 1 ? spoiled : undefined))
        yield* (yield* ControlPlane).report(command, done, { mayBeThere: false })
        assert.deepStrictEqual(yield* names, ["call.done", "step.exit", "command.completed"])
      })
    )
  )

  it.live(
    "fails a run whose server broke on the result and did nothing more, instead of letting it hang",
    () =>
      withServer(
        Effect.gen(function* () {
          const server = yield* FakeNoetl
          const command = yield* claimed(aCommand())
          yield* server.breakEngine
          yield* server.spoil((seen) => (isCallDone(seen) ? { status: 500, stored: true } : undefined))
          yield* (yield* ControlPlane).report(command, done, { mayBeThere: false })
          assert.deepStrictEqual(yield* names, ["call.done", "call.error", "step.exit", "command.failed"])
        })
      )
  )

  it.live("ends a command with a note when the server takes every event but the one with its value", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const command = yield* claimed(aCommand())
        yield* server.spoil((seen) =>
          JSON.stringify(seen.body ?? null).includes('"id":7') ? { status: 500, stored: false } : undefined
        )
        yield* (yield* ControlPlane).report(command, done, { mayBeThere: false })
        const events = (yield* server.events).filter(
          ({ name }) => name === "call.done" || name === "command.completed"
        )
        assert.deepStrictEqual(
          events.map(({ name }) => name),
          ["call.done", "command.completed"]
        )
        for (const { payload } of events)
          assert.match(JSON.stringify(payload), /could not store the value: HTTP 500/)
      })
    )
  )

  it.live("waits for a server that fails on every event, and keeps the value", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const command = yield* claimed(aCommand())
        const state = { posts: 0 }
        yield* server.spoil((seen) =>
          seen.method === "POST" && state.posts++ < 5 ? { status: 500, stored: false } : undefined
        )
        yield* (yield* ControlPlane).report(command, done, { mayBeThere: false })
        const called = (yield* server.events).find(({ name }) => name === "call.done")
        assert.deepStrictEqual(called?.payload["response"], { id: 7 })
      })
    )
  )

  it.live("sends an ending again when its read-back makes no sense again and again", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const command = yield* claimed(aCommand())
        const state = { times: 0 }
        yield* server.spoil((seen) => {
          if (isCallDone(seen) && state.times++ < 1) return { status: 502, stored: false }
          return seen.method === "GET" ? { status: 200, stored: false, body: { execution: "?" } } : undefined
        })
        yield* (yield* ControlPlane).report(command, done, { mayBeThere: false })
        assert.deepStrictEqual(yield* names, ["call.done", "step.exit", "command.completed"])
      })
    )
  )

  it.live("does not send call.done again when only the tail was lost, and the tail only once", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const command = yield* claimed(aCommand())
        const state = { times: 0 }
        yield* server.spoil(({ path }) =>
          path === "/api/events/batch" && state.times++ < 2 ? "reset after" : undefined
        )
        yield* (yield* ControlPlane).report(command, done, { mayBeThere: false })
        assert.deepStrictEqual(yield* names, ["call.done", "step.exit", "command.completed"])
      })
    )
  )

  it.live.each([
    ["/api/events", ["/api/events", "/api/executions", "/api/events", "/api/events/batch"]],
    ["/api/events/batch", ["/api/events", "/api/events/batch", "/api/events/batch"]]
  ] as const)("counts a request to %s that was not accepted as the first attempt", ([spoiled, expected]) =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const command = yield* claimed(aCommand())
        const state = { times: 0 }
        yield* server.spoil(({ path }) =>
          path === spoiled && state.times++ < 1 ? { status: 502, stored: false } : undefined
        )
        const [took] = yield* Effect.timed((yield* ControlPlane).report(command, done, { mayBeThere: false }))
        // The first pause is 250 ms and a fifth shorter at most.
        assert.isAtLeast(Duration.toMillis(took), 195)
        const paths = (yield* server.requests).map(({ path }) => path.replace(/\/\d.*/, ""))
        assert.deepStrictEqual(paths.slice(1), [...expected])
      })
    )
  )

  it.live("reads back before it reports an ending that an earlier life may have reported", () =>
    withServer(
      Effect.gen(function* () {
        const control = yield* ControlPlane
        const command = yield* claimed(aCommand())
        yield* control.report(command, done, { mayBeThere: false })
        yield* control.report(command, done, { mayBeThere: true })
        assert.deepStrictEqual(yield* names, ["call.done", "step.exit", "command.completed"])
      })
    )
  )

  it.live("waits as long as a busy server asks", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const command = yield* claimed(aCommand())
        const state = { times: 0 }
        yield* server.spoil((seen) =>
          isCallDone(seen) && state.times++ < 1
            ? { status: 503, stored: false, headers: { "retry-after": "1" } }
            : undefined
        )
        const [took] = yield* Effect.timed((yield* ControlPlane).report(command, done, { mayBeThere: false }))
        assert.isAtLeast(Duration.toMillis(took), 1000)
      })
    )
  )

  it.live(
    "tells a server that will never take the value that there is none, so that the run fails and does not hang",
    () =>
      withServer(
        Effect.gen(function* () {
          const command = yield* claimed(aCommand())
          yield* (yield* FakeNoetl).spoil((seen) =>
            isCallDone(seen) ? { status: 422, stored: false, body: { detail: "too odd" } } : undefined
          )
          yield* (yield* ControlPlane).report(command, done, { mayBeThere: false })
          const events = yield* (yield* FakeNoetl).events
          assert.strictEqual(events[0]?.name, "call.error")
          assert.match(String(events[0]?.payload["error"]), /refused by the server: HTTP 422.*too odd/)
        })
      )
  )

  const claims: ReadonlyArray<readonly [string, Spoiled, string]> = [
    ["503 with Retry-After", { status: 503, stored: false, headers: { "retry-after": "4" } }, "RetryLater"],
    ["500", { status: 500, stored: false }, "RetryLater"],
    ["429", { status: 429, stored: false }, "RetryLater"],
    [
      "409 already_terminal",
      { status: 409, stored: false, body: { detail: { code: "already_terminal" } } },
      "AlreadyDone"
    ],
    [
      "409 execution_cancelled",
      { status: 409, stored: false, body: { detail: { code: "execution_cancelled" } } },
      "AlreadyDone"
    ],
    [
      "409 active_claim",
      { status: 409, stored: false, body: { detail: { code: "active_claim", worker_id: "x" } } },
      "HeldElsewhere"
    ],
    [
      "409 with another code",
      { status: 409, stored: false, body: { detail: { code: "locked" } } },
      "HeldElsewhere"
    ],
    ["409 without a code", { status: 409, stored: false, body: "conflict" }, "HeldElsewhere"],
    ["422", { status: 422, stored: false }, "Rejected"],
    ["404", { status: 404, stored: false }, "Rejected"],
    [
      "200 with an answer that does not read",
      { status: 200, stored: false, body: { status: "ok" } },
      "RetryLater"
    ],
    ["200 with a list", { status: 200, stored: false, body: [] }, "RetryLater"]
  ]
  it.live.each(claims)("reads the answer %s to a claim", ([, spoiled, expected]) =>
    withServer(
      Effect.gen(function* () {
        const notification = yield* notificationFor(aCommand())
        yield* (yield* FakeNoetl).spoil(() => spoiled)
        const claim = yield* (yield* ControlPlane).claim(notification, 1)
        assert.strictEqual(claim._tag, expected)
      })
    )
  )

  it.live("asks again for a command whose message was faster than its row", () =>
    withServer(
      Effect.gen(function* () {
        const state = { times: 0 }
        yield* (yield* FakeNoetl).spoil(({ path }) =>
          path.endsWith("/claim") && state.times++ < 1 ? { status: 404, stored: false } : undefined
        )
        yield* claimed(aCommand())
        assert.strictEqual(state.times, 2)
      })
    )
  )

  it.live("takes a command whose context is kept elsewhere, and says where", () =>
    withServer(
      Effect.gen(function* () {
        const notification = yield* notificationFor(aCommand())
        const context = { kind: "result_ref", ref: "noetl://execution/1/result/start/0a1b2c3d", store: "kv" }
        const body = {
          node_name: "start",
          action: "postgres",
          context: { ...context, preview: {} },
          meta: {}
        }
        yield* (yield* FakeNoetl).spoil(() => ({ status: 200, stored: false, body }))
        const claim = yield* (yield* ControlPlane).claim(notification, 1)
        assert.strictEqual(claim._tag, "Claimed")
        if (claim._tag === "Claimed") assert.deepStrictEqual(claim.command.context, context)
      })
    )
  )

  it.live("sends the token to its own server only", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const control = yield* ControlPlane
        yield* control.register
        const notification = yield* notificationFor(aCommand())
        const elsewhere = { ...notification, serverUrl: server.url.replace("127.0.0.1", "localhost") }
        yield* control.claim(elsewhere, 1)
        const sent = (yield* server.requests).map(({ headers, path }) => [
          path.split("/")[2],
          headers.authorization
        ])
        assert.deepStrictEqual(sent, [
          ["worker", "Bearer letmein"],
          ["commands", undefined]
        ])
      }),
      (url) => ({ token: Redacted.make("letmein"), allowedServers: [url.replace("127.0.0.1", "localhost")] })
    )
  )

  it.live("asks the configured server for a command whose message names another one", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const control = yield* ControlPlane
        for (const serverUrl of ["http://169.254.169.254/latest", "http://stranger.example", "nonsense"]) {
          const claim = yield* control.claim({ ...(yield* notificationFor(aCommand())), serverUrl }, 1)
          assert.strictEqual(claim._tag, "Claimed")
          assert.strictEqual(Duration.toMillis(control.claimPatience(serverUrl)), Infinity)
        }
        assert.strictEqual((yield* server.requests).length, 3)
      })
    )
  )

  it.live.each([
    [
      "the Rust server",
      {
        "/api/health": {
          status: "ok",
          version: "3.54.0",
          database: "connected",
          nats: "connected",
          uptime_seconds: 5
        }
      },
      /the Rust server \(3\.x\).*set NOETL_PROTOCOL=python2/
    ],
    [
      "a later Python server",
      {
        "/openapi.json": {
          components: { schemas: { EventRequest: { properties: { name: {}, payload: {} } } } }
        }
      },
      /a Python server of a later generation/
    ]
  ] as const)("refuses %s at the registration, in one line, and registers nothing", ([, answers, expected]) =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        yield* server.spoil(({ path }) =>
          path in answers
            ? { status: 200, stored: false, body: answers[path as keyof typeof answers] }
            : undefined
        )
        const error = yield* Effect.flip((yield* ControlPlane).register)
        assert.strictEqual(error.reason._tag, "Unsupported")
        assert.match(error.message, expected)
        assert.notInclude(error.message, "\n")
        assert.deepStrictEqual(yield* server.workers, [])
      }),
      { protocol: "auto" }
    )
  )

  it.live("registers with a server whose events still have result_kind", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        yield* server.spoil(({ path }) =>
          path === "/openapi.json"
            ? {
                status: 200,
                stored: false,
                body: { components: { schemas: { EventRequest: { properties: { result_kind: {} } } } } }
              }
            : undefined
        )
        yield* (yield* ControlPlane).register
        assert.strictEqual((yield* server.workers).length, 1)
      }),
      { protocol: "auto" }
    )
  )

  it.live("goes under a name of its own for each start, and frees what earlier starts on this host had", () =>
    withServer(
      Effect.gen(function* () {
        const server = yield* FakeNoetl
        const control = yield* ControlPlane
        yield* server.addWorker("pod-1-0a1b2c", hostname())
        yield* server.addWorker("pod-1-0a1b2d", "elsewhere")
        yield* server.addWorker("pod-10-0a1b2c", hostname())
        yield* server.addWorker("pod-1", hostname())
        yield* control.register
        assert.match(control.workerName, /^pod-1-[0-9a-f]{6}$/)
        assert.deepStrictEqual(
          (yield* server.workers).toSorted(),
          ["pod-1", "pod-1-0a1b2d", "pod-10-0a1b2c", control.workerName].toSorted()
        )
      }),
      { workerId: "pod-1", workerIdIsGenerated: false }
    )
  )
})

describe("normalizedUrl", () => {
  it.each([
    ["http://noetl:8082", "http://noetl:8082"],
    ["http://noetl:8082/", "http://noetl:8082"],
    ["http://noetl:8082/api", "http://noetl:8082"],
    ["http://noetl:8082/api/", "http://noetl:8082"],
    ["http://noetl:8082/api/api//", "http://noetl:8082"],
    ["http://noetl:8082/noetl/api", "http://noetl:8082/noetl"]
  ])("%s → %s", (given, expected) => {
    assert.strictEqual(normalizedUrl(given), expected)
  })
})
