import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { isObject, type Json, type JsonObject } from "../../src/domain/Json.ts"
import * as HttpStub from "../support/HttpStub.ts"
import { rhai } from "./rhaiWorld.ts"

const dataOf = (data: Json | undefined): JsonObject => (data !== undefined && isObject(data) ? data : {})
const script = (name: string): string =>
  readFileSync(join(import.meta.dirname, "..", "rhai", "scripts", `${name}.rhai`), "utf8")

const withStub = (handler: HttpStub.Handler, use: (url: string) => Effect.Effect<void, unknown>) =>
  Effect.scoped(Effect.flatMap(HttpStub.make(handler), (stub) => use(stub.url)))

describe("RhaiTool, HTTP", () => {
  it.live("an answer has properties, and passes for its text", () =>
    withStub(
      (_, response) => HttpStub.json(response, { a: [1, 2], id: 5 }),
      (url) =>
        Effect.gen(function* () {
          const code = `
            let r = http_get("${url}/x");
            [r.status, r.status_str, r.ok, r.body.a, parse_json(r).id, r.contains("id"), "got " + r, r == (), r.len() > 5]
          `
          const result = yield* rhai(code)
          const text = `{"a":[1,2],"id":5}`
          assert.deepStrictEqual(result.data, [200, "200", true, [1, 2], 5, true, `got ${text}`, false, true])
        })
    )
  )

  it.live.each<readonly [string, string]>([
    ["GET", `http_get_auth(url, "t")`],
    ["DELETE", `http_delete_auth(url, "t")`],
    ["POST", `http_post_auth(url, "{}", "t")`],
    ["PUT", `http_put_auth(url, #{ a: 1 }, "t")`],
    ["PATCH", `http_patch_auth(url, "x", "t")`]
  ])("%s sends its token, and a body with its type", ([method, call]) =>
    withStub(
      (request, response) =>
        HttpStub.json(response, {
          method: request.method,
          auth: request.headers["authorization"] ?? "",
          type: request.headers["content-type"] ?? "",
          body: request.body.toString("utf8")
        }),
      (url) =>
        Effect.gen(function* () {
          const seen = dataOf((yield* rhai(`let url = "${url}"; ${call}.body`)).data)
          const bodies: Record<string, string> = { POST: "{}", PUT: `{"a":1}`, PATCH: "x" }
          const body = bodies[method] ?? ""
          assert.deepStrictEqual(seen, {
            method,
            auth: "Bearer t",
            type: body === "" ? "" : "application/json",
            body
          })
        })
    )
  )

  it.live("a request without an answer equals unit for a worker's script, and has status 0", () =>
    Effect.gen(function* () {
      const code = `let r = http_get("http://127.0.0.1:1/"); [r == (), r.status, r.ok, r.error.len() > 0, r ?? "x" == r]`
      assert.deepStrictEqual((yield* rhai(code)).data, [true, 0, false, true, true])
      assert.strictEqual(
        dataOf((yield* rhai(`#{ u: http_get("http://127.0.0.1:1/") == () }`, {}, { host: "cli" })).data)["u"],
        false
      )
    })
  )
})

describe("RhaiTool, the scripts of real playbooks", () => {
  const answers = (...states: ReadonlyArray<string | number>): HttpStub.Handler => {
    let n = 0
    return (request, response) => {
      if (request.headers["authorization"] !== "Bearer tok-123") return void response.writeHead(401).end()
      const state = states[Math.min(n++, states.length - 1)]!
      if (typeof state === "number") response.writeHead(state).end("{}")
      else HttpStub.json(response, { status: state })
    }
  }
  const args = (base: string) => ({
    base,
    project_id: "p",
    region: "r",
    cluster_name: "c",
    retry_interval: "5"
  })
  /** The scripts wait for seconds; here they do not. */
  const quick = (name: string): string => `fn sleep(n) { } ${script(name)}`

  it.live.each<readonly [string, string, ReadonlyArray<string | number>, JsonObject]>([
    [
      "polls until the cluster runs",
      "poll-until-running",
      ["PROVISIONING", "RUNNING"],
      { status: "RUNNING", attempts: 2, cluster: "c" }
    ],
    [
      "stops at a cluster that is not there",
      "poll-until-running",
      [404],
      { status: "NOT_FOUND", attempts: 1, cluster: "c" }
    ],
    [
      "stops at a broken cluster",
      "poll-until-running",
      ["ERROR"],
      { status: "ERROR", attempts: 1, cluster: "c" }
    ],
    [
      "waits for an operation",
      "wait-for-operation",
      [404, 503, "PROVISIONING", "RUNNING"],
      { status: "RUNNING", attempts: 4 }
    ],
    ["waits for a deletion", "wait-for-deletion", ["STOPPING", 500, 404], { status: "DELETED", attempts: 3 }]
  ])("%s", ([, name, states, expected]) =>
    withStub(answers(...states), (base) =>
      Effect.gen(function* () {
        const result = yield* rhai(quick(name), { args: args(base) })
        assert.deepStrictEqual(result.data, expected, JSON.stringify(result.error))
      })
    )
  )

  it.live("fails with the words of the script", () =>
    withStub(answers("DEGRADED"), (base) =>
      Effect.gen(function* () {
        const result = yield* rhai(quick("wait-for-operation"), { args: args(base) })
        assert.strictEqual(result.error?.message, "Cluster creation failed with status: DEGRADED")
      })
    )
  )
})
