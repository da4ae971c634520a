/** What goes wrong between the worker and the API server, and what the double can show that a real cluster cannot. */
import { afterAll, assert, beforeAll, describe, it, layer as testLayer } from "@effect/vitest"
import { ConfigProvider, Context, Duration, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"
import { suite } from "../../../src/testing/suites/ToolSuite.ts"
import { MemoryControlPlane } from "../../../src/control-plane/MemoryControlPlane.ts"
import { ScriptOptions } from "../../../src/tools/script/ScriptOptions.ts"
import { ScriptTool } from "../../../src/tools/script/ScriptTool.ts"
import { Slot } from "../../../src/tools/Slot.ts"
import { KubernetesCluster } from "../../support/KubernetesCluster.ts"
import { KubernetesServer } from "../../support/KubernetesServer.ts"
import {
  aCommand,
  aWorker,
  dataOf,
  dying,
  errorOf,
  inline,
  nothingLeft,
  oneJob,
  quick,
  running,
  working
} from "./harness.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { until } from "../../support/until.ts"

const world = KubernetesCluster.layerDouble.pipe(Layer.provideMerge(KubernetesServer.layer({ second: 8 })))

// --- as a tool ---

const scope = Scope.makeUnsafe()
let server: KubernetesServer["Service"] | undefined
beforeAll(async () => {
  const built = await Effect.runPromise(Layer.buildWithScope(KubernetesServer.layer(), scope))
  server = Context.get(built, KubernetesServer)
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const tool = Layer.unwrap(
  Effect.sync(() =>
    ScriptTool.layer.pipe(
      Layer.provide(EgressOptions.layerDevelopment),
      Layer.provide(MemoryControlPlane.layer()),
      Layer.provide(Layer.succeed(ScriptOptions, quick(25))),
      Layer.provide(
        ConfigProvider.layer(ConfigProvider.fromUnknown({ KUBECONFIG: server?.kubeconfig ?? "" }))
      )
    )
  )
)

suite("ScriptTool", ScriptTool, tool, {
  kind: "script",
  works: inline("print(1)"),
  broken: [
    { config: {}, at: "script" },
    { config: { script: 1 }, at: "script" },
    { config: { script: { source: { type: "ftp" } } }, at: "script.source.type" },
    { config: { script: { uri: "s3://bucket" } }, at: "script.uri" },
    { config: { ...inline("1"), job: { backoffLimit: "many" } }, at: "job.backoff_limit" },
    { config: { ...inline("1"), job: { timeout: "soon" } }, at: "job.timeout" },
    { config: { ...inline("1"), job: { image_pull_policy: "Sometimes" } }, at: "job.image_pull_policy" },
    { config: { ...inline("1"), job: { env: { "a-b": "c" } } }, at: "job.env.a-b" },
    { config: { ...inline("1"), job: { namespace: "Not/a name" } }, at: "job.namespace" },
    { config: { ...inline("1"), args: { a: "x".repeat(130_000) } }, at: "args" },
    { config: inline("#".repeat(1_040_000)), at: "script" }
  ],
  endless: inline("import time", "time.sleep(100)"),
  begun: () => (server?.node.processes ?? 0) > 0,
  // An ended Job stays a moment for whoever gets its command again; only what runs must be gone.
  leftBehind: () => Array.from({ length: server?.node.processes ?? 1 })
})

// --- faults ---

testLayer(world, { excludeTestServices: true })("a script's Job", (it) => {
  it.effect("is waited for while watches end, break and grow too old", () =>
    Effect.gen(function* () {
      const { asked, dropWatches, fail, store } = yield* KubernetesServer
      const call = aCommand(inline("import time", "time.sleep(1.5)", "print('done')"))
      const fiber = yield* Effect.forkChild(working(yield* aWorker(), call), { startImmediately: true })
      yield* running(call)
      const before = asked.length
      store.forget()
      dropWatches()
      fail({ on: /watch=true/, times: 1, with: 500 })
      fail({ on: /watch=true/, times: 1, with: "cut" })
      const result = yield* Fiber.join(fiber)
      assert.strictEqual(result.stdout, "done\n")
      assert.isBelow(asked.length - before, 40, "a broken watch is no reason to ask all the time")
      yield* nothingLeft(call)
    })
  )

  it.effect("is made once when the answer to its making is lost", () =>
    Effect.gen(function* () {
      const { fail } = yield* KubernetesServer
      fail({ on: /^POST .*\/jobs/, times: 1, with: "lost" })
      const call = aCommand(inline("print('once')"))
      assert.strictEqual((yield* working(yield* aWorker(), call)).stdout, "once\n")
      yield* oneJob(call)
      yield* nothingLeft(call)
    })
  )

  it.effect("is deleted when its worker was interrupted before it knew that there is one", () =>
    Effect.gen(function* () {
      const { asked, fail } = yield* KubernetesServer
      fail({ on: /^POST .*\/jobs/, times: 4, with: "lost" })
      const call = aCommand(inline("import time", "time.sleep(60)"))
      const before = asked.length
      const fiber = yield* Effect.forkChild(working(yield* aWorker(), call), { startImmediately: true })
      yield* until(
        Effect.sync(() => asked.slice(before).some((one) => /^POST .*\/jobs/.test(one))),
        (made) => made
      )
      yield* Fiber.interrupt(fiber)
      yield* nothingLeft(call)
    })
  )

  it.effect("gets its ConfigMap from the next worker when the first died before it made one", () =>
    Effect.gen(function* () {
      const { fail } = yield* KubernetesServer
      fail({ on: /^POST .*\/configmaps/, times: 3, with: "cut" })
      const call = aCommand({ ...inline("import os", "print(os.environ['A'])"), job: { env: { A: "b" } } })
      const first = yield* Effect.forkChild(dying(yield* aWorker(), call), { startImmediately: true })
      yield* running(call)
      yield* Fiber.interrupt(first)
      assert.strictEqual((yield* working(yield* aWorker(), call)).stdout, "b\n")
      yield* oneJob(call)
      yield* nothingLeft(call)
    })
  )

  it.effect.each([429, 503])("outlives an API server that answers %d for a while", (status) =>
    Effect.gen(function* () {
      const { fail } = yield* KubernetesServer
      fail({ on: /\/(jobs|pods|configmaps)/, times: 3, with: status })
      const call = aCommand(inline("print('done')"))
      assert.strictEqual((yield* working(yield* aWorker(), call)).stdout, "done\n")
      yield* oneJob(call)
      yield* nothingLeft(call)
    })
  )

  it.effect("whose pod is refused by the cluster fails and says where to look", () =>
    Effect.gen(function* () {
      const call = aCommand({ ...inline("print()"), job: { annotations: { "test/no-pods": "yes" } } })
      const result = yield* working(yield* aWorker(), call)
      assert.strictEqual(result.error?.code, "NO_POD")
      assert.include(result.error?.message, "kubectl describe job noetl-script-")
      yield* nothingLeft(call)
    })
  )

  it.effect("that somebody deletes is a failure, and no second one is made", () =>
    Effect.gen(function* () {
      const { store } = yield* KubernetesServer
      const call = aCommand(inline("import time", "time.sleep(60)"))
      const fiber = yield* Effect.forkChild(working(yield* aWorker(), call), { startImmediately: true })
      yield* running(call)
      for (const job of store.all.filter(({ kind }) => kind === "Job")) store.delete(job)
      assert.strictEqual((yield* Fiber.join(fiber)).error?.code, "JOB_DELETED")
      yield* oneJob(call)
      yield* nothingLeft(call)
    })
  )

  it.effect("runs again after a failed pod when it has a backoff, and may succeed then", () =>
    Effect.gen(function* () {
      const { node } = yield* KubernetesServer
      const mark = join(node.folder, "tried")
      const call = aCommand({
        ...inline(
          "import os, sys",
          `p = ${JSON.stringify(mark)}`,
          "if not os.path.exists(p):",
          "  open(p, 'w').close()",
          "  sys.exit(1)",
          "print('second')"
        ),
        job: { backoff_limit: 3 }
      })
      const result = yield* working(yield* aWorker(), call)
      assert.deepStrictEqual(
        [result.status, result.stdout, dataOf(result.data)["failed"]],
        ["success", "second\n", 1]
      )
      yield* nothingLeft(call)
    })
  )

  it.effect("whose dependencies cannot be installed says so, with the installer's words", () =>
    Effect.gen(function* () {
      const call = aCommand({
        ...inline("print()"),
        job: { install_dependencies: ["./no-such-folder/x.whl"] }
      })
      const result = yield* working(yield* aWorker(), call)
      assert.deepStrictEqual([result.error?.kind, result.error?.code], ["config", "DEPENDENCIES_FAILED"])
      assert.include(result.error?.message, "no-such-folder")
      yield* nothingLeft(call)
    })
  )

  it.effect("is told in the log while it runs, and its log has an end", () =>
    Effect.gen(function* () {
      const call = aCommand(inline("for i in range(20000): print('line', i)"))
      const result = yield* working(yield* aWorker({ maxLogBytes: 10_000, maxLoggedBytes: 1000 }), call)
      assert.isBelow(result.stdout?.length ?? 0, 10_200)
      assert.include(result.stdout, "line 19999")
      assert.strictEqual(dataOf(result.data)["output_truncated"], true)
      yield* nothingLeft(call)
    })
  )

  it.effect("is waited for without a slot", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const call = aCommand(inline("print()"))
      yield* working(yield* aWorker(), call).pipe(
        Effect.provideService(Slot, {
          park: (effect) =>
            Effect.sync(() => seen.push("given back")).pipe(
              Effect.andThen(effect),
              Effect.tap(() => Effect.sync(() => seen.push("taken again")))
            )
        })
      )
      assert.deepStrictEqual(seen, ["given back", "taken again"])
      yield* nothingLeft(call)
    })
  )

  it.effect("is refused with what the Role lacks when another namespace is named that is not there", () =>
    Effect.gen(function* () {
      const { fail } = yield* KubernetesServer
      fail({ on: /^POST .*\/jobs/, times: 1, with: 403 })
      const error = errorOf(yield* Effect.exit(working(yield* aWorker(), aCommand(inline("print()")))))
      assert.deepStrictEqual([error?.failure.kind, error?.isRetryable], ["auth", false])
    })
  )

  it.effect("needs every right that the Role grants, and no other", () =>
    Effect.gen(function* () {
      const { asked } = yield* KubernetesServer
      const verbs: Readonly<Record<string, string>> = { POST: "create", PATCH: "patch", DELETE: "delete" }
      const used = asked.map((one) => {
        const [, method = "", resource = "", name, sub] =
          /^(\w+) \/[^?]*?\/namespaces\/[^/]+\/(\w+)(\/[^/?]+)?(\/\w+)?/.exec(one) ?? []
        const read = one.includes("watch=true") ? "watch" : name === undefined ? "list" : "get"
        return `${resource}${sub ?? ""} ${verbs[method] ?? read}`
      })
      const role = parseAllDocuments(readFileSync("k8s/base/rbac.yaml", "utf8"))[0]?.toJS() as {
        rules: Array<{ resources: Array<string>; verbs: Array<string> }>
      }
      const granted = role.rules.flatMap(({ resources, verbs }) =>
        resources.flatMap((resource) => verbs.map((verb) => `${resource} ${verb}`))
      )
      assert.deepStrictEqual([...new Set(used)].toSorted(), granted.toSorted())
    })
  )
})

describe("a worker without a cluster", () => {
  it.live("says what it looked for", () =>
    Effect.gen(function* () {
      const layer = ScriptTool.layer.pipe(
        Layer.provide(EgressOptions.layerDevelopment),
        Layer.provide(MemoryControlPlane.layer()),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ KUBECONFIG: "/no/such/file" })))
      )
      const error = errorOf(
        yield* Effect.exit(
          Effect.flatMap(ScriptTool, (one) => working(one, aCommand(inline("print()")))).pipe(
            Effect.provide(layer)
          )
        )
      )
      assert.strictEqual(error?.failure.code, "NO_CLUSTER")
      assert.include(error?.message, "/no/such/file")
    }).pipe(Effect.timeout(Duration.seconds(10)))
  )
})
