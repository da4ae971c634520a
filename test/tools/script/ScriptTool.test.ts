/** The contract of the script tool, on the double always and on a real cluster when KUBECONFIG names one. */
import { assert, describe, layer as testLayer } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer } from "effect"
import { MemoryControlPlane } from "../../../src/control-plane/MemoryControlPlane.ts"
import { KubernetesCluster } from "../../support/KubernetesCluster.ts"
import { KubernetesServer } from "../../support/KubernetesServer.ts"
import { until } from "../../support/until.ts"
import {
  aCommand,
  aWorker,
  dataOf,
  dying,
  inline,
  nothingLeft,
  oneJob,
  realClusters,
  running,
  working
} from "./harness.ts"

const contract = (name: string, cluster: Layer.Layer<KubernetesCluster>) =>
  testLayer(cluster, { excludeTestServices: true })(`a script, ${name}`, (it) => {
    it.effect(
      "that was cancelled while no worker held it goes, and the script of another command goes on",
      () =>
        Effect.gen(function* () {
          const sleeper = inline("import time", "time.sleep(600)")
          const [cancelled, other] = [aCommand(sleeper), aCommand(sleeper)]
          const first = yield* aWorker()
          for (const call of [cancelled, other]) {
            const fiber = yield* Effect.forkChild(dying(first, call), { startImmediately: true })
            yield* running(call)
            yield* Fiber.interrupt(fiber)
          }
          const plane = yield* Layer.build(MemoryControlPlane.layer())
          yield* Context.get(plane, MemoryControlPlane).cancel(cancelled.executionId)
          const second = yield* aWorker({ reapEvery: Duration.millis(100) }, Layer.succeedContext(plane))
          yield* Effect.forkScoped(second.maintenance ?? Effect.die("no maintenance"), {
            startImmediately: true
          })
          yield* nothingLeft(cancelled)
          const { objectsOf } = yield* KubernetesCluster
          assert.include((yield* objectsOf(other.executionId)).join(" "), "Job/")
          yield* Context.get(plane, MemoryControlPlane).cancel(other.executionId)
          yield* nothingLeft(other)
        })
    )

    it.effect("gets its arguments as one text, whatever is in it, and its variables from a Secret", () =>
      Effect.gen(function* () {
        const call = aCommand(
          {
            ...inline(
              "import json, os, sys",
              "print(json.dumps([json.loads(sys.argv[1]), os.environ['TOKEN'], len(sys.argv)]))"
            ),
            args: { text: `'"; $(HOME) $$x \`id\` ü`, id: 613000000000000001n },
            job: { env: { TOKEN: "s$(HOME)cret" } }
          },
          { args: { more: 1 } }
        )
        const result = yield* working(yield* aWorker(), call)
        assert.strictEqual(result.status, "success", JSON.stringify(result.error))
        assert.strictEqual(
          result.stdout?.trim(),
          `[{"more": 1, "text": "'\\"; $(HOME) $$x \`id\` \\u00fc", "id": 613000000000000001}, "s$(HOME)cret", 2]`
        )
        const data = dataOf(result.data)
        assert.deepStrictEqual(
          [data["status"], data["exit_code"], data["succeeded"], data["failed"]],
          ["completed", 0, 1, 0]
        )
        assert.strictEqual(data["output"], result.stdout)
        yield* oneJob(call)
        yield* nothingLeft(call)
      })
    )

    it.effect("that fails says with which code, and its last lines", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import sys", "print('boom')", "sys.exit(7)"))
        const result = yield* working(yield* aWorker(), call)
        assert.strictEqual(result.error?.message, "Script exited with code 7: boom")
        assert.deepStrictEqual([result.status, result.exitCode, result.error?.code], ["error", 7, "EXIT_7"])
        yield* nothingLeft(call)
      })
    )

    it.effect("is judged when its Job has ended, not when its first pod has", () =>
      Effect.gen(function* () {
        const call = aCommand({ ...inline("import sys", "sys.exit(3)"), job: { backoffLimit: 2 } })
        const result = yield* working(yield* aWorker(), call)
        assert.deepStrictEqual([dataOf(result.data)["failed"], result.exitCode], [3, 3])
        yield* nothingLeft(call)
      })
    )

    it.effect("that takes too long is stopped, and what it wrote is kept", () =>
      Effect.gen(function* () {
        const call = aCommand({
          ...inline("import time", "print('begun')", "time.sleep(60)"),
          job: { timeout: 2 }
        })
        const result = yield* working(yield* aWorker(), call)
        assert.strictEqual(result.status, "timeout")
        assert.strictEqual(result.error?.message, "Execution timed out after 2 seconds: begun")
        assert.strictEqual(result.exitCode, 137)
        assert.strictEqual(dataOf(result.data)["status"], "timeout")
        yield* nothingLeft(call)
      })
    )

    it.effect("that is past the step's own deadline is gone, and what it wrote is kept", () =>
      Effect.gen(function* () {
        const call = aCommand({
          ...inline("import time", "print('begun')", "time.sleep(60)"),
          timeout: 3,
          job: { timeout: 50 }
        })
        const result = yield* working(yield* aWorker(), call)
        assert.strictEqual(result.error?.message, "Execution timed out after 3 seconds: begun")
        yield* nothingLeft(call)
      })
    )

    it.effect("that needs more memory than it may have says so", () =>
      Effect.gen(function* () {
        const call = aCommand({
          // Where nothing enforces the limit the script does itself what the kernel would do.
          ...inline("x = b'x' * 200_000_000", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)"),
          job: { resources: { limits: { memory: "64Mi" } } }
        })
        const result = yield* working(yield* aWorker(), call)
        assert.deepStrictEqual(
          [result.error?.kind, result.error?.code, result.exitCode],
          ["limit", "OUT_OF_MEMORY", 137]
        )
        assert.include(result.error?.message, "64Mi")
        yield* nothingLeft(call)
      })
    )

    it.effect("whose command is no program of the image fails, and need not be tried again", () =>
      Effect.gen(function* () {
        const call = aCommand({ ...inline("print()"), job: { command: ["/no/such/program"] } })
        const result = yield* working(yield* aWorker(), call)
        assert.deepStrictEqual(
          [result.error?.kind, result.error?.code, result.error?.retryable],
          ["config", "START_ERROR", false]
        )
        assert.include(result.error?.message, "/no/such/program")
        yield* nothingLeft(call)
      })
    )

    it.effect("whose image cannot be pulled fails soon, with the reason", () =>
      Effect.gen(function* () {
        const call = aCommand({ ...inline("print()"), job: { image: "no-such-image.invalid/x:1" } })
        const result = yield* working(yield* aWorker(), call)
        assert.deepStrictEqual([result.error?.kind, result.error?.code], ["config", "IMAGE_PULL_FAILED"])
        assert.include(result.error?.message, "no-such-image.invalid/x:1")
        yield* nothingLeft(call)
      })
    )

    it.effect("that no node has room for fails, and may be tried again", () =>
      Effect.gen(function* () {
        const call = aCommand({ ...inline("print()"), job: { resources: { requests: { cpu: "64" } } } })
        const result = yield* working(yield* aWorker(), call)
        assert.deepStrictEqual([result.error?.code, result.error?.retryable], ["UNSCHEDULABLE", true])
        assert.include(result.error?.message, "Insufficient cpu")
        yield* nothingLeft(call)
      })
    )

    it.effect("of a worker that died is found by the next one, who finishes with its result", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import time", "print('one')", "time.sleep(1.5)", "print('two')"))
        const first = yield* Effect.forkChild(dying(yield* aWorker(), call), { startImmediately: true })
        yield* running(call)
        yield* Fiber.interrupt(first)
        const result = yield* working(yield* aWorker(), { ...call, attempt: 2 })
        assert.deepStrictEqual([result.status, result.stdout], ["success", "one\ntwo\n"])
        yield* oneJob(call)
        yield* nothingLeft(call)
      })
    )

    it.effect("that ended while no worker was there is found as well", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import sys", "print('alone')", "sys.exit(4)"))
        const first = yield* Effect.forkChild(dying(yield* aWorker(), call), { startImmediately: true })
        yield* running(call)
        yield* Fiber.interrupt(first)
        yield* Effect.sleep("700 millis")
        const result = yield* working(yield* aWorker(), call)
        assert.deepStrictEqual([result.exitCode, result.stdout], [4, "alone\n"])
        yield* oneJob(call)
        yield* nothingLeft(call)
      })
    )

    it.effect("goes on when its worker shuts down, and the next worker takes it up", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import time", "time.sleep(1)", "print('done')"))
        const first = yield* Effect.forkChild(working(yield* aWorker(), call, "Shutdown"), {
          startImmediately: true
        })
        yield* running(call)
        yield* Fiber.interrupt(first)
        const result = yield* working(yield* aWorker(), call)
        assert.deepStrictEqual([result.status, result.stdout], ["success", "done\n"])
        yield* oneJob(call)
        yield* nothingLeft(call)
      })
    )

    it.effect("whose outcome was never written down is found again by whoever gets the command", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("print('once')"))
        const [one, other] = yield* Effect.all([aWorker(), aWorker()])
        const first = yield* working(one, call)
        const second = yield* working(other, call)
        assert.deepStrictEqual([first.stdout, second.stdout], ["once\n", "once\n"])
        yield* oneJob(call)
        yield* nothingLeft(call)
      })
    )

    it.effect("that two workers want at the same time runs once", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import time", "time.sleep(0.5)", "print('once')"))
        const workers = yield* Effect.all([aWorker(), aWorker(), aWorker()])
        const results = yield* Effect.forEach(workers, (worker) => working(worker, call), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          results.map(({ stdout }) => stdout),
          ["once\n", "once\n", "once\n"]
        )
        yield* oneJob(call)
        yield* nothingLeft(call)
      })
    )

    it.effect("of a command that is cancelled is gone with all that belongs to it", () =>
      Effect.gen(function* () {
        const call = aCommand({ ...inline("import time", "time.sleep(60)"), job: { env: { A: "b" } } })
        const fiber = yield* Effect.forkChild(working(yield* aWorker(), call, "Cancelled"), {
          startImmediately: true
        })
        yield* running(call)
        yield* Fiber.interrupt(fiber)
        yield* nothingLeft(call)
      })
    )

    it.effect("of a command that another worker took over is left to it", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import time", "time.sleep(1.5)", "print('done')"))
        const [loser, winner] = yield* Effect.all([aWorker(), aWorker()])
        const first = yield* Effect.forkChild(working(loser, call, "LeaseLost"), { startImmediately: true })
        yield* running(call)
        const second = yield* Effect.forkChild(working(winner, call), { startImmediately: true })
        yield* Fiber.interrupt(first)
        const result = yield* Fiber.join(second)
        assert.strictEqual(result.stdout, "done\n")
        yield* oneJob(call)
        yield* nothingLeft(call)
      })
    )

    it.effect("of a command whose lease was lost and that nobody takes up is gone", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import time", "time.sleep(60)"))
        const worker = yield* aWorker({})
        const fiber = yield* Effect.forkChild(working(worker, call, "LeaseLost"), { startImmediately: true })
        yield* running(call)
        yield* Fiber.interrupt(fiber)
        yield* nothingLeft(call)
      })
    )

    it.effect("is not deleted by a worker that stood still while another adopted it", () =>
      Effect.gen(function* () {
        const call = aCommand(inline("import time", "time.sleep(1.5)", "print('done')"))
        const [old, young] = yield* Effect.all([aWorker(), aWorker()])
        const first = yield* Effect.forkChild(working(old, call, "Cancelled"), { startImmediately: true })
        yield* running(call)
        const { objectsOf } = yield* KubernetesCluster
        const second = yield* Effect.forkChild(working(young, call), { startImmediately: true })
        yield* Effect.sleep("500 millis")
        yield* Fiber.interrupt(first)
        assert.include((yield* objectsOf(call.executionId)).join(), "Job/")
        assert.strictEqual((yield* Fiber.join(second)).stdout, "done\n")
        yield* nothingLeft(call)
      })
    )

    it.effect("that a rule runs again gets a Job of its own", () =>
      Effect.gen(function* () {
        const worker = yield* aWorker()
        const { jobsEver } = yield* KubernetesCluster
        const call = aCommand(inline("import sys", "sys.exit(1)"))
        const tried = (_attempt: number) =>
          working(worker, { ...call, variables: { _task: "load", _attempt } })
        yield* tried(1)
        yield* tried(2)
        // A jump back to the task: the same task, tried for the first time again.
        yield* tried(1)
        yield* until(jobsEver(call.executionId), (jobs) => jobs.length === 3)
        yield* nothingLeft(call)
      })
    )
  })

// They mostly wait: for processes, for deadlines, for objects to go. A real cluster takes its time for that.
describe.concurrent("the contract", { timeout: 240_000 }, () => {
  contract("on the double", KubernetesCluster.layerDouble.pipe(Layer.provide(KubernetesServer.layer())))

  for (const [name, cluster] of realClusters) contract(name, cluster)
})
