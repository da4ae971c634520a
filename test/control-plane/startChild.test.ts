import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import { EventId, ExecutionId } from "../../src/domain/Ids.ts"
import type { JsonObject } from "../../src/domain/Json.ts"
import * as HttpStub from "../support/HttpStub.ts"
import { noetlPlane } from "../support/noetlPlane.ts"

interface Execution {
  readonly id: string
  readonly parent: string
  readonly path: string
  readonly payload: JsonObject
}

type Fault = "none" | "stored, then cut" | "cut before" | "stored, then 500"

/** A server that keeps executions, and answers the first start as the fault says. */
const server = (fault: Fault, others: ReadonlyArray<Execution> = []) =>
  Effect.gen(function* () {
    const started: Array<Execution> = [...others]
    let posts = 0
    const start = (body: Buffer): Execution => {
      const asked = JSON.parse(body.toString()) as {
        readonly path: string
        readonly payload: JsonObject
        readonly parent_execution_id: number
      }
      const { path, payload } = asked
      const id = String(1000 + started.length)
      const execution = { id, parent: String(asked.parent_execution_id), path, payload }
      started.push(execution)
      return execution
    }
    const { url } = yield* HttpStub.make(({ body, method, path }, response) => {
      const reply = (status: number, answer: unknown) => {
        response.writeHead(status, { "content-type": "application/json" })
        response.end(JSON.stringify(answer))
      }
      if (method === "POST") {
        posts += 1
        if (posts > 1 || fault === "none") return reply(200, { execution_id: start(body).id })
        if (fault !== "cut before") start(body)
        return fault === "stored, then 500" ? reply(500, { detail: "broken" }) : response.destroy()
      }
      if (path === "/api/executions")
        return reply(
          200,
          started.map((one) => ({ execution_id: one.id, parent_execution_id: one.parent, path: one.path }))
        )
      const found = started.find(({ id }) => path === `/api/executions/${id}`)
      return reply(200, {
        events: found === undefined ? [] : [{ result: { workload: { a: 0, ...found.payload } } }]
      })
    })
    return { url, started, posts: () => posts }
  })

const startAt = (url: string, mayBeThere = false) =>
  Effect.flatMap(ControlPlane, (plane) =>
    plane.startChild({
      parent: { executionId: ExecutionId.make("77"), serverUrl: undefined },
      path: "child/one",
      version: undefined,
      payload: { n: 1 },
      eventId: EventId.make("500"),
      mayBeThere
    })
  ).pipe(Effect.provide(noetlPlane(url, { timeout: Duration.seconds(20) })))

describe.concurrent("Starting a child playbook", () => {
  it.live.each<Fault>(["stored, then cut", "stored, then 500"])(
    "takes the child that a lost answer was about: %s",
    (fault) =>
      Effect.gen(function* () {
        const { posts, started, url } = yield* server(fault)
        const { executionId } = yield* startAt(url)
        assert.deepStrictEqual([executionId as string, posts(), started.length], ["1000", 1, 1])
      }).pipe(Effect.scoped)
  )

  it.live("starts it again when the server has none", () =>
    Effect.gen(function* () {
      const { posts, started, url } = yield* server("cut before")
      const { executionId } = yield* startAt(url)
      assert.deepStrictEqual([executionId as string, posts(), started.length], ["1000", 2, 1])
    }).pipe(Effect.scoped)
  )

  it.live("does not take the child of another iteration, of another parent or of another path", () =>
    Effect.gen(function* () {
      const { started, url } = yield* server("cut before", [
        { id: "601", parent: "77", path: "child/one", payload: { n: 2 } },
        { id: "602", parent: "78", path: "child/one", payload: { n: 1 } },
        { id: "603", parent: "77", path: "child/two", payload: { n: 1 } }
      ])
      const { executionId } = yield* startAt(url)
      assert.deepStrictEqual([executionId as string, started.length], ["1003", 4])
    }).pipe(Effect.scoped)
  )

  it.live("takes the newest child that an earlier delivery of its command started", () =>
    Effect.gen(function* () {
      const child = { parent: "77", path: "child/one", payload: { n: 1 } }
      const { posts, url } = yield* server("none", [
        { id: "601", ...child },
        { id: "602", ...child },
        // Started before the command was issued, by another one.
        { id: "400", ...child }
      ])
      assert.deepStrictEqual(yield* startAt(url, true), { executionId: ExecutionId.make("602") })
      assert.strictEqual(posts(), 0)
      assert.deepStrictEqual(yield* startAt(url), { executionId: ExecutionId.make("1003") })
    }).pipe(Effect.scoped)
  )

  it.live("fails with the executions that it may be, rather than starting one more", () =>
    Effect.gen(function* () {
      const { posts, url } = yield* server("stored, then cut", [
        { id: "601", parent: "77", path: "child/one", payload: { n: 1 } }
      ])
      const error = yield* Effect.flip(startAt(url))
      assert.include(error.message, "one of the executions 601, 1001")
      assert.deepStrictEqual([error.isRetryable, posts()], [false, 1])
    }).pipe(Effect.scoped)
  )
})
