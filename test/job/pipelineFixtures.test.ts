/** Steps of real playbooks, worked as commands against a web server and a Python interpreter. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Context, Effect, Layer, Redacted, Schema } from "effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import { Credentials } from "../../src/credentials/Credentials.ts"
import * as Failure from "../../src/domain/Failure.ts"
import { isObject, type Json, type JsonObject } from "../../src/domain/Json.ts"
import * as ToolResult from "../../src/domain/ToolResult.ts"
import { run } from "../../src/job/pipeline/pipeline.ts"
import { layer as memory } from "../../src/results/MemoryResultStore.ts"
import { Results } from "../../src/results/Results.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { Template } from "../../src/template/Template.ts"
import { HttpTool } from "../../src/tools/HttpTool.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { NoopTool } from "../../src/tools/NoopTool.ts"
import * as Tool from "../../src/tools/Tool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { WorkerConfig } from "../../src/WorkerConfig.ts"
import * as HttpStub from "../support/HttpStub.ts"
import { aCommand } from "./pipelineWorld.ts"

/** Runs code with its arguments as globals and answers what is called `result` at the end. */
const program = `
import json, sys
call = json.load(sys.stdin)
scope = dict(call["args"])
exec(call["code"], scope)
sys.stdout.flush()
print("\\n" + json.dumps(scope.get("result")))
`

class Python extends Context.Service<Python, Tool.Tool>()("test/Python") {
  static readonly layer = Layer.succeed(
    Python,
    Tool.make({
      kind: "python",
      config: Schema.Struct({ code: Schema.String }),
      run: ({ code }, { args }) =>
        Effect.callback<ToolResult.ToolResult>((resume) => {
          const child = execFile(
            "python3",
            ["-c", program],
            { maxBuffer: 64 * 1024 * 1024 },
            (error, out, err) => {
              const last = out.trimEnd().split("\n").at(-1) ?? "null"
              resume(
                Effect.succeed(
                  error === null
                    ? ToolResult.success(JSON.parse(last) as Json)
                    : ToolResult.failure(
                        Failure.make("tool_error", err.trimEnd().split("\n").at(-1) ?? "failed")
                      )
                )
              )
            }
          )
          child.stdin?.end(JSON.stringify({ code, args }))
        })
    })
  )
}

const plane = Layer.mock(ControlPlane, {
  name: "test",
  workerName: "test",
  heartbeatRequest: undefined,
  address: "test",
  claimPatience: () => Duration.infinity,
  credential: (name) => Effect.succeed({ name, type: "bearer", data: Redacted.make({ token: "t" }) })
})

const layer = Layer.mergeAll(
  Toolbox.layerLive(HttpTool, Python, NoopTool).pipe(Layer.provide(EgressOptions.layerDevelopment)),
  Template.layer,
  Results.layer.pipe(Layer.provide(memory())),
  WorkerConfig.layer(),
  plane,
  Credentials.layer.pipe(Layer.provide(Layer.mergeAll(Redactor.layer, plane)))
)

const items = (page: number, size: number, more: (id: number) => JsonObject) =>
  Array.from({ length: 35 }, (_, i) => i + 1)
    .slice((page - 1) * size, page * size)
    .map((id) => Object.assign({ id }, more(id)))

/** The endpoints that the playbooks fetch from; `limited` requests are answered with 429 first. */
const api = (limited = 0) => {
  const asked = new Map<string, number>()
  return HttpStub.make(({ path, query }, response) => {
    const page = Number(query.get("page") ?? 1)
    const size = Number(query.get("pageSize") ?? 10)
    const count = (asked.get(`${path} ${page}`) ?? 0) + 1
    asked.set(`${path} ${page}`, count)
    const send = (status: number, body: Json, headers: Record<string, string> = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers })
      response.end(JSON.stringify(body))
    }
    const paging = { hasMore: page * size < 35, page, pageSize: size, total: 35 }
    if (count <= limited) return send(429, { error: "too many" }, { "retry-after": "1" })
    if (path === "/api/v1/flaky") {
      if (query.get("fail_on") === String(page) && count === 1)
        return send(500, { error: "Simulated failure" })
      return send(200, {
        data: items(page, 10, (id) => ({ value: `item_${id}` })),
        paging: { ...paging, hasMore: page * 10 < 35 }
      })
    }
    if (path === "/api/v1/heavy") {
      const payload = "x".repeat(Number(query.get("payload_kb")) * 1024)
      return send(200, {
        data: items(page, size, (id) => ({ name: `h ${id}`, score: 1, payload })),
        paging,
        meta: { kb: 1 }
      })
    }
    send(200, { data: items(page, size, (id) => ({ name: `Assessment ${id}`, score: 50 + id })), paging })
  })
}

const stepsOf = (file: string): ReadonlyMap<string, JsonObject> => {
  const text = readFileSync(new URL(`../fixtures/pipelines/${file}`, import.meta.url), "utf8")
  const { workflow } = parse(text) as {
    readonly workflow: ReadonlyArray<JsonObject & { readonly step: string }>
  }
  return new Map(workflow.map((step) => [step.step, step]))
}

const workloadOf = (file: string, url: string): JsonObject => {
  const text = readFileSync(new URL(`../fixtures/pipelines/${file}`, import.meta.url), "utf8")
  const { workload } = parse(text) as { readonly workload: JsonObject }
  return { ...workload, api_url: url }
}

const commandOf = (file: string, step: string, url: string, context: JsonObject, tasks = 9) => {
  const tool = stepsOf(file).get(step)?.["tool"] ?? {}
  const workload = workloadOf(file, url)
  return aCommand(Array.isArray(tool) ? (tool.slice(0, tasks) as ReadonlyArray<Json>) : tool, {
    step,
    kind: Array.isArray(tool)
      ? "task_sequence"
      : isObject(tool) && typeof tool["kind"] === "string"
        ? tool["kind"]
        : "noop",
    context: { ...workload, workload, ...context }
  })
}

const workedIn = (command: ReturnType<typeof aCommand>) =>
  Effect.scoped(run(command)).pipe(Effect.provide(layer))

describe("Pipelines of real playbooks", () => {
  it.live("pipeline/simple: fetch, transform, validate", () =>
    Effect.gen(function* () {
      const { url } = yield* api()
      const result = yield* workedIn(commandOf("test_pipeline_simple.yaml", "run_pipeline", url, {}))
      assert.strictEqual(result.status, "success")
      assert.deepInclude(result.data, { status: "passed", items_processed: 5, ids: [1, 2, 3, 4, 5] })
    })
  )

  it.live(
    "pipeline/heavy: 250 kB go through three tasks, and a rule of a single tool sets the next page",
    () =>
      Effect.gen(function* () {
        const { url } = yield* api()
        const file = "test_pipeline_heavy_payload.yaml"
        const ctx = { current_page: 1, pages_processed: 0, total_bytes_processed: 0 }
        const start = yield* workedIn(commandOf(file, "start", url, {}))
        assert.deepInclude(start.data, {
          config: { payload_kb_per_item: 50, page_size: 5, estimated_kb_per_page: 250 }
        })
        const fetched = yield* workedIn(commandOf(file, "fetch_heavy_page", url, { ctx }))
        assert.deepInclude(fetched.data, { payload_kb: 250, has_more: true, status: "processed" })
        const progress = yield* workedIn(
          commandOf(file, "update_progress", url, { ctx, fetch_heavy_page: fetched.data ?? null })
        )
        assert.deepInclude(progress.data, { should_continue: true, total_bytes_processed: 256_000 })
        assert.deepStrictEqual(progress.contextUpdates, {
          "ctx.current_page": 2,
          "ctx.pages_processed": 1,
          "ctx.total_bytes_processed": 256_000
        })
      })
  )

  it.live("retry: page 2 fails once, is fetched again, and its items are collected", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* api()
      const ctx = { current_page: 2, collected_data: [{ id: 1 }] }
      const result = yield* workedIn(
        commandOf("test_pagination_retry.yaml", "fetch_with_retry", url, { ctx })
      )
      assert.strictEqual(result.status, "success")
      assert.strictEqual(asked.length, 2)
      assert.lengthOf((result.data as JsonObject)["collected_data"] as ReadonlyArray<Json>, 11)
      assert.deepInclude(result.data, { has_more: true, current_page: 2 })
    })
  )

  it.live.each(["test_pagination_pipeline.yaml", "test_pagination_pipeline_v2.yaml"])(
    "%s: a page is fetched and transformed, the id sliced as text",
    (file) =>
      Effect.gen(function* () {
        const { url } = yield* api()
        const ctx = { current_page: 1, page_size: 10 }
        const result = yield* workedIn(commandOf(file, "fetch_transform_store", url, { ctx }, 2))
        assert.deepStrictEqual(result.error, undefined)
        const transformed = (result.data as JsonObject)["transform"] as JsonObject
        assert.deepInclude(transformed, { count: 10, has_more: true, current_page: 1, total: 35 })
        assert.deepInclude((transformed["items"] as ReadonlyArray<Json>)[0], {
          score: 510,
          batch_id: "76700000",
          page_number: 1
        })
      })
  )

  it.live("a server that says stop, and when to come back, is asked again then", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* api(1)
      const tool = {
        kind: "http",
        url: "{{ api_url }}/api/v1/assessments",
        spec: {
          policy: {
            rules: [{ when: "{{ output.error.kind == 'rate_limit' }}", then: { do: "retry", delay: 0.01 } }]
          }
        }
      }
      const start = performance.now()
      const result = yield* workedIn(aCommand(tool, { kind: "http", context: { api_url: url } }))
      assert.strictEqual(result.status, "success")
      assert.strictEqual(asked.length, 2)
      assert.isAtLeast(performance.now() - start, 990)
    })
  )
})
