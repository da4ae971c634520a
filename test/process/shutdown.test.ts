import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Command } from "../../src/domain/Command.ts"
import { aCommand } from "../../src/testing/aCommand.ts"
import { FakeNoetl } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { eventsOf, start, submit, unsettled, until, world } from "../support/WorkerProcess.ts"

const shell = (n: number, script: string) => aCommand(n, { kind: "shell", config: { command: script } })

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "worker-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe.skipIf(noProgram)("the worker as a process", { concurrent: true }, () => {
  it.live("drains on SIGTERM: what runs ends well, nothing is left, and the exit is 0", () =>
    Effect.gen(function* () {
      const nc = yield* (yield* NatsServer).connect
      const path = yield* folder
      const worker = yield* start()
      const slow = shell(1, `touch ${path}/began; sleep 1; echo done`)
      yield* submit(nc, slow)
      yield* until(worker, () => existsSync(join(path, "began")))
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.exit, 0)
      const events = yield* eventsOf(slow)
      assert.deepStrictEqual(events.slice(-3), ["call.done", "step.exit", "command.completed"])
      assert.strictEqual(yield* unsettled(nc), 0)
      assert.deepStrictEqual(yield* (yield* FakeNoetl).workers, [])
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live(
    "interrupts what outlives the drain, its process is gone, and hands it back to the next worker",
    () =>
      Effect.gen(function* () {
        const nc = yield* (yield* NatsServer).connect
        const path = yield* folder
        const worker = yield* start({ WORKER_SHUTDOWN_TIMEOUT_SECONDS: "1" })
        const stuck = shell(1, `echo $$ > ${path}/pid; exec sleep 600`)
        yield* submit(nc, stuck)
        yield* until(
          worker,
          () => existsSync(join(path, "pid")) && readFileSync(join(path, "pid"), "utf8").trim() !== ""
        )
        yield* worker.signal("SIGTERM")
        assert.strictEqual(yield* worker.exit, 0)
        assert.isFalse(isAlive(Number(readFileSync(join(path, "pid"), "utf8"))))
        assert.notInclude(yield* eventsOf(stuck), "call.done")
        assert.isAtLeast(yield* unsettled(nc), 1)
        const log = worker.log()
        assert.isBelow(log.indexOf("outlived the drain"), log.indexOf("drained"))
      }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live("takes its programs along when it is killed, so that the next worker runs none beside them", () =>
    Effect.gen(function* () {
      const nc = yield* (yield* NatsServer).connect
      const path = yield* folder
      const worker = yield* start()
      const code = `import os, time\nopen("${path}/python", "w").write(str(os.getpid()))\ntime.sleep(600)`
      yield* submit(nc, shell(1, `echo $$ > ${path}/shell; sleep 600`))
      yield* submit(nc, aCommand(2, { kind: "python", config: { code } }))
      const pidOf = (name: string) => {
        const file = join(path, name)
        return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0
      }
      yield* until(worker, () => pidOf("shell") > 0 && pidOf("python") > 0)
      const pids = [pidOf("shell"), pidOf("python")]
      yield* worker.signal("SIGKILL")
      yield* until(worker, () => !pids.some(isAlive))
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live("exits 130 at once on a second signal", () =>
    Effect.gen(function* () {
      const nc = yield* (yield* NatsServer).connect
      const path = yield* folder
      const worker = yield* start()
      yield* submit(nc, shell(1, `touch ${path}/began; sleep 600`))
      yield* until(worker, () => existsSync(join(path, "began")))
      yield* worker.signal("SIGINT")
      yield* until(worker, () => worker.log().includes("draining"))
      yield* worker.signal("SIGINT")
      assert.strictEqual(yield* worker.exit, 130)
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live("exits 124 when the grace is over, whatever hangs", () =>
    Effect.gen(function* () {
      const nc = yield* (yield* NatsServer).connect
      const path = yield* folder
      const worker = yield* start({ WORKER_SHUTDOWN_TIMEOUT_SECONDS: "600", WORKER_GRACE_SECONDS: "1" })
      yield* submit(nc, shell(1, `touch ${path}/began; sleep 600`))
      yield* until(worker, () => existsSync(join(path, "began")))
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.exit, 124)
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live(
    "killed between a tool's end and its events, it reports after the restart and does not run the tool again",
    () =>
      Effect.gen(function* () {
        const nc = yield* (yield* NatsServer).connect
        const server = yield* FakeNoetl
        const path = yield* folder
        const state = { WORKER_STATE_DIR: join(path, "state"), WORKER_ID: "w" }
        const command = shell(1, `echo ran >> ${path}/runs; echo 42`)
        // Nothing that ends a command gets through to the server.
        yield* server.spoil(({ path }) => (path === "/api/events" ? "reset before" : undefined))
        const first = yield* start(state)
        yield* submit(nc, command)
        yield* until(first, () => first.log().includes("report call.done"))
        yield* first.signal("SIGKILL")
        yield* first.exit
        yield* server.spoil(() => undefined)
        const second = yield* start(state)
        yield* until(second, () => second.log().includes("not running again"))
        yield* Effect.repeat(Effect.andThen(Effect.sleep("50 millis"), eventsOf(command)), {
          until: (events) => events.includes("command.completed")
        }).pipe(Effect.timeout("30 seconds"))
        assert.strictEqual(readFileSync(join(path, "runs"), "utf8"), "ran\n")
        assert.strictEqual((yield* eventsOf(command)).filter((name) => name === "call.done").length, 1)
      }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live("answers /health, /ready and /metrics until the last command of a drain has ended", () =>
    Effect.gen(function* () {
      const nc = yield* (yield* NatsServer).connect
      const path = yield* folder
      const worker = yield* start({ WORKER_SHUTDOWN_TIMEOUT_SECONDS: "60" })
      const [, address] = /health on (http:\S+?)["\s]/.exec(worker.log()) ?? []
      const get = (route: string) =>
        Effect.promise(async () => {
          const answer = await fetch(`${address}${route}`)
          return { status: answer.status, text: await answer.text() }
        })
      yield* submit(nc, shell(1, `touch ${path}/began; until [ -e ${path}/go ]; do sleep 0.1; done`))
      yield* until(worker, () => existsSync(join(path, "began")))
      yield* worker.signal("SIGTERM")
      yield* until(worker, () => worker.log().includes("draining"))
      const ready = yield* get("/ready")
      assert.strictEqual(ready.status, 503)
      assert.include(ready.text, '"draining"')
      assert.strictEqual((yield* get("/health")).status, 200)
      assert.include((yield* get("/metrics")).text, "worker_active_jobs 1")
      yield* Effect.sync(() => writeFileSync(join(path, "go"), ""))
      assert.strictEqual(yield* worker.exit, 0)
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live("goes on when the reader of its log goes away, and still drains", () =>
    Effect.gen(function* () {
      const nc = yield* (yield* NatsServer).connect
      const worker = yield* start()
      const first = shell(1, "echo one")
      yield* submit(nc, first)
      yield* ended(first)
      worker.child.stderr?.destroy()
      const second = shell(2, "echo two")
      yield* submit(nc, second)
      yield* ended(second)
      yield* worker.signal("SIGTERM")
      assert.strictEqual(yield* worker.exit, 0)
      assert.deepStrictEqual(yield* (yield* FakeNoetl).workers, [])
    }).pipe(Effect.provide(world), Effect.scoped)
  )

  it.live("drains on stray errors of a library, however many, and exits 1", () =>
    Effect.gen(function* () {
      const nc = yield* (yield* NatsServer).connect
      const path = yield* folder
      const stray = join(path, "stray.mjs")
      writeFileSync(
        stray,
        `import { existsSync } from "node:fs"
         const timer = setInterval(() => {
           if (!existsSync(${JSON.stringify(join(path, "began"))})) return
           clearInterval(timer)
           for (const n of [1, 2, 3]) Promise.reject(new Error("stray " + n))
         }, 50)`
      )
      const worker = yield* start({ NODE_OPTIONS: `--import=${stray}` })
      const slow = shell(1, `touch ${path}/began; sleep 1; echo done`)
      yield* submit(nc, slow)
      assert.strictEqual(yield* worker.exit, 1)
      assert.include(yield* eventsOf(slow), "command.completed")
      assert.include(worker.log(), "stray 3")
      assert.strictEqual(yield* unsettled(nc), 0)
    }).pipe(Effect.provide(world), Effect.scoped)
  )
})

/** Waits until the server has accepted a command's ending. */
const ended = (command: Command) =>
  Effect.repeat(Effect.andThen(Effect.sleep("50 millis"), eventsOf(command)), {
    until: (events) => events.includes("command.completed")
  })
