/**
 * Builds the real Dockerfile without a Docker engine and runs the image as a cluster does: read-only, not root, without
 * capabilities, with a memory limit. It works commands through a NATS server and drains on SIGTERM.
 *
 * Where no registry of images is reachable, the two base images are made from Debian's packages and npm's Node, and
 * kept outside the checkout. `--no-build` runs the image of the last time.
 */
import { jetstreamManager } from "@nats-io/jetstream"
import { Clock, Effect, Schedule } from "effect"
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { aCommand } from "../src/testing/aCommand.ts"
import { build, ensureBases, limits, run } from "../test/k8s/images.ts"
import { installed } from "../test/k8s/tools.ts"
import { FakeNoetl } from "../test/support/FakeNoetl.ts"
import { freePort, NatsServer } from "../test/support/NatsServer.ts"
import { submit, world } from "../test/support/WorkerProcess.ts"

const image = "localhost/noetl-worker:check"

process.chdir(join(import.meta.dirname, ".."))

// --- the image ---

const buildImage = (): void => {
  ensureBases()
  // What is committed, not what lies about.
  const folder = mkdtempSync(join(tmpdir(), "image-"))
  const context = join(folder, "context")
  try {
    mkdirSync(context)
    run("sh", ["-c", `git archive HEAD | tar x -C ${context}`])
    build(context, image)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// --- as a cluster runs it ---

const smoke = Effect.gen(function* () {
  const nats = yield* NatsServer
  const server = yield* FakeNoetl
  const nc = yield* nats.connect
  const port = yield* freePort
  const claims: Array<number> = []
  yield* server.spoil(({ path }) => {
    if (path.endsWith("/claim")) claims.push(performance.now())
    return undefined
  })
  const name = `noetl-worker-check-${process.pid}`
  const env = {
    NATS_URL: nats.url,
    NOETL_SERVER_URL: server.url,
    HEALTH_PORT: String(port),
    LOG_FORMAT: "logfmt",
    LOG_LEVEL: "debug",
    WORKER_STATE_DIR: "/var/lib/noetl",
    WORKER_SHUTDOWN_TIMEOUT_SECONDS: "20"
  }
  const greeting = aCommand(1, { kind: "shell", config: { command: "id -u; echo from the container" } })
  // As in a cluster that is in use: the command waits already when the worker comes.
  yield* Effect.promise(async () => {
    const manager = await jetstreamManager(nc)
    await manager.streams.add({ name: "NOETL_COMMANDS", subjects: ["noetl.commands", "noetl.commands.>"] })
  })
  yield* submit(nc, greeting)
  const started = performance.now()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn("podman", [
        "--runtime",
        "runc",
        "run",
        "--rm",
        "--name",
        name,
        "--network",
        "host",
        ...limits,
        "--read-only",
        "--tmpfs",
        "/tmp:rw,size=128m,mode=1777",
        "--tmpfs",
        "/var/lib/noetl:rw,size=16m,mode=1777",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "-m",
        "512m",
        ...Object.entries(env).flatMap(([key, value]) => ["-e", `${key}=${value}`]),
        image
      ])
    ),
    () => Effect.sync(() => void spawnSync("podman", ["rm", "-f", "-t", "0", name], { stdio: "ignore" }))
  )
  let log = ""
  child.stdout.on("data", (chunk: Buffer) => (log += chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()))
  const exited = new Promise<number | null>((resolve) => void child.once("exit", resolve))
  const until = (what: string, holds: Effect.Effect<boolean>) =>
    holds.pipe(
      Effect.repeat({ until: (yes) => yes, schedule: Schedule.spaced("20 millis") }),
      Effect.timeoutOrElse({
        duration: "60 seconds",
        orElse: () => Effect.die(new Error(`not ${what}; the container said:\n${log.slice(-6000)}`))
      })
    )
  const eventsOf = (command: typeof greeting) =>
    Effect.map(server.events, (all) => all.filter(({ commandId }) => commandId === command.commandId))
  const ended = (command: typeof greeting) =>
    until(
      `ended: ${command.kind}`,
      Effect.map(eventsOf(command), (all) =>
        all.some((event) => event.name === "command.completed" || event.name === "command.failed")
      )
    )
  const ask = (path: string) =>
    Effect.promise(() =>
      fetch(`http://127.0.0.1:${port}${path}`).then(
        (answer) => answer.status,
        () => 0
      )
    )

  yield* until(
    "ready",
    Effect.map(ask("/ready"), (status) => status === 200)
  )
  say("ready", `${seconds(performance.now() - started)} after podman run`)
  yield* ended(greeting)
  say("first claim", `${seconds((claims[0] ?? 0) - started)} after podman run`)
  const inside = run("podman", [
    "exec",
    name,
    "sh",
    "-c",
    "id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/1/status | tr '\\n' ' '; touch /app/x 2>&1; cat /proc/1/comm"
  ])
  say("inside", inside.replaceAll("\n", " | "))
  for (const [what, wanted] of [
    ["uid", /^10001\n/],
    ["capabilities", /CapEff:\t0+ /],
    ["new privileges", /NoNewPrivs:\t1/],
    ["root", /Read-only file system/],
    ["init", /tini$/]
  ] as const) {
    expect(wanted.test(inside), `${what}: ${inside}`)
  }
  const tools = [
    aCommand(2, { kind: "python", config: { code: "import json, ssl\nresult = {'answer': 42}" } }),
    aCommand(3, { kind: "duckdb", config: { query: "select 42 as answer" } })
  ]
  for (const command of tools) {
    yield* submit(nc, command)
    yield* ended(command)
    const events = yield* eventsOf(command)
    expect(
      events.some((event) => event.name === "command.completed"),
      `${command.kind}: ${JSON.stringify(events)}`
    )
    expect(JSON.stringify(events).includes("42"), `${command.kind}: ${JSON.stringify(events)}`)
  }
  // There is no cluster here. That the tool says so shows that its client is in the image.
  const script = aCommand(4, { kind: "script", config: { script: "print()" } })
  yield* submit(nc, script)
  yield* ended(script)
  expect(
    JSON.stringify(yield* eventsOf(script)).includes("knows no cluster"),
    `script: ${JSON.stringify(yield* eventsOf(script))}`
  )
  say("tools", "shell, python, duckdb, script")
  const memory = run("podman", ["stats", "--no-stream", "--format", "{{.MemUsage}}", name])
  say("memory", memory)

  const long = aCommand(5, { kind: "shell", config: { command: "sleep 2; echo drained" } })
  yield* submit(nc, long)
  yield* until(
    "started",
    Effect.map(eventsOf(long), (all) => all.length > 0)
  )
  const told = yield* Clock.currentTimeMillis
  run("podman", ["kill", "-s", "TERM", name])
  const code = yield* Effect.promise(() => exited)
  const took = (yield* Clock.currentTimeMillis) - told
  expect(code === 0, `exit code ${code}; the container said:\n${log.slice(-4000)}`)
  expect(took < 20_000, `the drain took ${took} ms`)
  expect(
    (yield* eventsOf(long)).some((event) => event.name === "command.completed"),
    "the command in hand was not finished"
  )
  say("SIGTERM", `drained with one command in hand and ended with 0 in ${seconds(took)}`)
}).pipe(Effect.scoped, Effect.provide(world))

/** As k8s/overlays/isolated-tools has it: root with three capabilities, and programs with users of their own. */
const isolated = (): void => {
  const capabilities = ["SETUID", "SETGID", "KILL"].flatMap((one) => ["--cap-add", one])
  const container = ["--runtime", "runc", "run", "--rm", "--user", "0:0", ...limits, "--read-only"]
  const told = run("podman", [
    ...container,
    "--tmpfs",
    "/tmp:rw,size=128m,mode=1777",
    "--cap-drop=ALL",
    ...capabilities,
    "--security-opt=no-new-privileges",
    "-e",
    "WORKER_TOOL_USERS=20001-20004",
    image,
    "demo"
  ])
  for (const command of ["shell greet", "python add", "python main"])
    expect(new RegExp(`${command} +completed`).test(told), `isolated tools: ${told.slice(-3000)}`)
  say("isolated", "shell and python as users of their own")
}

const expect = (holds: boolean, problem: string): void => {
  if (!holds) throw new Error(problem)
}
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`
const say = (what: string, how: string): void => console.log(`${what.padEnd(12)} ${how}`)

try {
  for (const [program, debian] of [
    ["buildah", "buildah"],
    ["podman", "podman"],
    ["runc", "runc"]
  ] as const)
    installed(program, debian)
  const begun = performance.now()
  if (!process.argv.includes("--no-build")) {
    buildImage()
    say("built", seconds(performance.now() - begun))
  }
  const bytes = Number(run("podman", ["image", "inspect", "--format", "{{.Size}}", image]))
  const packed = execFileSync("sh", ["-c", `podman save ${image} 2>/dev/null | gzip -1 | wc -c`], {
    encoding: "utf8"
  })
  say("size", `${(bytes / 1e6).toFixed(0)} MB, ${(Number(packed) / 1e6).toFixed(0)} MB compressed`)
  await Effect.runPromise(smoke)
  isolated()
  console.log("2 passed, 0 failed")
} catch (cause) {
  console.error(`check:image: ${cause instanceof Error ? cause.message : String(cause)}`)
  console.log("0 passed, 1 failed")
  process.exitCode = 1
}
