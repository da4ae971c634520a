import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer } from "effect"
import { isObject, type Json, type JsonObject } from "../../src/domain/Json.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { defaults, ProcessOptions } from "../../src/tools/process/ProcessOptions.ts"
import { ShellTool } from "../../src/tools/ShellTool.ts"
import type { ToolCall } from "../../src/tools/Tool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { longTime, processesWith } from "./process/leftBehind.ts"

const options = {
  ...defaults,
  environment: { PATH: process.env["PATH"], HOME: "/tmp", NATS_TOKEN: "worker-secret", EDITOR: "vi" },
  grace: Duration.millis(300)
}
const tool = ShellTool.layer.pipe(Layer.provide(Layer.succeed(ProcessOptions, options)))
const layer = Toolbox.layer(ShellTool).pipe(Layer.provide(tool))
const shell = (config: JsonObject, more: Partial<ToolCall> = {}) =>
  runTool(aCall("shell", config, more)).pipe(Effect.provide(layer))
const dataOf = (data: Json | undefined): JsonObject => (data !== undefined && isObject(data) ? data : {})

const time = longTime()

suite("ShellTool", ShellTool, tool, {
  kind: "shell",
  works: { command: "echo hi" },
  broken: [
    { config: {}, at: "command" },
    { config: { command: { a: 1 } }, at: "command" },
    { config: { command: "echo a\0b" }, at: "command" },
    { config: { command: "true", env: { BIG: "x".repeat(200_000) } }, at: "env.BIG" },
    { config: { command: "true", timeout: "soon" }, at: "timeout" },
    { config: { command: "true", cwd: "/no/such/place" }, at: "cwd" },
    { config: { command: "true", shell: "no-such-shell" }, at: "shell" },
    { config: { command: "true", env: [1] }, at: "env" },
    { config: { command: "true", limits: { memory: "much" } }, at: "limits.memory" }
  ],
  endless: { command: `trap '' TERM; sleep ${time}` },
  begun: () => processesWith(`sleep\0${time}`).length > 0,
  leftBehind: () => processesWith(time)
})

describe("ShellTool", { concurrent: true }, () => {
  it.live("answers with the output and both spellings of the exit code", () =>
    Effect.gen(function* () {
      const { durationMs, ...result } = yield* shell({ command: "echo out; echo err >&2" })
      assert.isAtLeast(durationMs ?? -1, 0)
      const data = dataOf(result.data)
      const { duration_ms, commands, ...rest } = data
      assert.deepStrictEqual(rest, { exit_code: 0, returncode: 0, stdout: "out\n", stderr: "err\n" })
      assert.strictEqual(duration_ms, durationMs)
      assert.deepStrictEqual(
        (commands as ReadonlyArray<JsonObject>).map(({ cmd_preview, exit_code }) => [cmd_preview, exit_code]),
        [["echo out; echo err >&2", 0]]
      )
      assert.deepStrictEqual(
        { status: result.status, stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode },
        { status: "success", stdout: "out\n", stderr: "err\n", exitCode: 0 }
      )
    })
  )

  it.live.each<readonly [string, JsonObject, string]>([
    ["one command", { command: "echo a" }, "a\n"],
    ["a list", { cmds: ["echo a", "echo b"] }, "a\nb\n"],
    ["a single text as cmds", { cmds: "echo a" }, "a\n"],
    ["cmd", { cmd: "echo a" }, "a\n"],
    ["JSON text of a list", { cmds: '["echo a", "echo b"]' }, "a\nb\n"],
    [
      "a script of several lines",
      { command: "x=1\nif [ $x = 1 ]; then\n  cat <<END\nyes\nEND\nfi\n" },
      "yes\n"
    ],
    ["another shell", { shell: "bash", command: "a=(1 2); echo ${a[1]} $0" }, "2 bash\n"],
    ["an interpreter that is no shell", { shell: "python3", command: "print(1 + 1)" }, "2\n"]
  ])("runs %s", ([, config, stdout]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* shell(config)).stdout, stdout)
    })
  )

  it.live("stops at the first command that fails", () =>
    Effect.gen(function* () {
      const result = yield* shell({ cmds: ["echo a", "echo b; exit 42", "echo c"] })
      assert.strictEqual(result.status, "error")
      assert.strictEqual(result.error?.message, "Command exited with code 42")
      assert.isFalse(result.error?.retryable)
      const data = dataOf(result.data)
      assert.deepStrictEqual([data["exit_code"], data["returncode"], data["stdout"]], [42, 42, "a\nb\n"])
      assert.strictEqual((data["commands"] as ReadonlyArray<unknown>).length, 2)
    })
  )

  it.live("gives its commands a directory and an environment", () =>
    Effect.gen(function* () {
      const result = yield* shell({
        command: "pwd; echo $A $B ${C-unset}",
        cwd: "/usr",
        env: { A: 1, B: true, C: null }
      })
      assert.strictEqual(result.stdout, "/usr\n1 true unset\n")
    })
  )

  it.live("keeps the worker's secrets from its commands", () =>
    Effect.gen(function* () {
      const all = yield* shell({ command: "env", inherit_env: true })
      assert.include(all.stdout ?? "", "EDITOR=vi")
      assert.notInclude(all.stdout ?? "", "worker-secret")
      const named = yield* shell({ command: "env", inherit_env: ["NATS_TOKEN", "EDITOR"] })
      assert.include(named.stdout ?? "", "EDITOR=vi")
      assert.notInclude(named.stdout ?? "", "worker-secret")
      const none = yield* shell({
        command: "env; cat /proc/$PPID/environ | tr '\\0' '\\n' | grep -c worker-secret"
      })
      assert.notInclude(none.stdout ?? "", "EDITOR")
    })
  )

  it.live("shows its script to nobody by way of the process list", () =>
    Effect.gen(function* () {
      const result = yield* shell({ command: "cat /proc/$$/cmdline; true sec''ret-in-a-script" })
      assert.notInclude(result.stdout ?? "", "ret-in-a-script")
    })
  )

  it.live("runs a script of any length", () =>
    Effect.gen(function* () {
      const result = yield* shell({ command: `echo '${"x".repeat(300_000)}' | wc -c` })
      assert.strictEqual(result.stdout?.trim(), "300001")
    })
  )

  it.live("gives its commands an empty stdin", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* shell({ command: "cat; read x || echo end" })).stdout, "end\n")
    })
  )

  it.live("ends at its deadline with what was written until then", () =>
    Effect.gen(function* () {
      const result = yield* shell({ cmds: ["echo a", "echo b; exec sleep 60"], timeout: "2.5" })
      assert.strictEqual(result.status, "timeout")
      assert.strictEqual(result.error?.message, "Execution timed out after 2.5 seconds")
      assert.strictEqual(result.stdout, "a\nb\n")
      assert.isBelow(result.durationMs ?? 0, 30_000)
    })
  )

  it.live.each<readonly [string, JsonObject, string, string, number]>([
    ["a signal", { command: "kill -9 $$" }, "Command was killed by SIGKILL", "SIGKILL", 137],
    [
      "its CPU limit",
      { command: "while :; do :; done", limits: { cpu_seconds: "1" } },
      "Command used up its CPU time of 1 seconds",
      "CPU_TIME",
      152
    ],
    [
      "its file limit",
      {
        command: "f=$(mktemp); exec 3>$f; rm $f; exec head -c 99999 /dev/zero >&3",
        limits: { file_size: 1024 }
      },
      "Command wrote a file larger than it may",
      "FILE_SIZE",
      153
    ]
  ])("says that a command was ended by %s", ([, config, message, code, exitCode]) =>
    Effect.gen(function* () {
      const result = yield* shell(config)
      assert.deepStrictEqual(
        [result.error?.message, result.error?.code, result.exitCode],
        [message, code, exitCode]
      )
    })
  )

  it.live("does not take a playbook's limit beyond the worker's", () =>
    Effect.gen(function* () {
      const strict = ShellTool.layer.pipe(
        Layer.provide(Layer.succeed(ProcessOptions, { ...options, limits: { fileBytes: 512 * 4 } }))
      )
      const result = yield* runTool(
        aCall("shell", { command: "ulimit -f", limits: { file_size: "1G" } })
      ).pipe(Effect.provide(Toolbox.layer(ShellTool).pipe(Layer.provide(strict))))
      assert.strictEqual(result.stdout, "4\n")
    })
  )

  it.live("sets no deadline for a timeout of zero", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* shell({ command: "echo a", timeout: 0 })).stdout, "a\n")
    })
  )

  it.live("keeps the output out of the result when it is not to be captured", () =>
    Effect.gen(function* () {
      const result = yield* shell({ command: "echo quiet", capture: "false" })
      assert.notInclude(JSON.stringify(result.stdout), "quiet")
      assert.strictEqual(result.exitCode, 0)
    })
  )

  it.live("passes the trace on", () =>
    Effect.gen(function* () {
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      assert.strictEqual(
        (yield* shell({ command: "echo $TRACEPARENT" }, { traceparent })).stdout,
        `${traceparent}\n`
      )
    })
  )

  it.live("says what is wrong with a script", () =>
    Effect.gen(function* () {
      const result = yield* shell({ command: "if true; then" })
      assert.strictEqual(result.exitCode, 2)
      assert.match(result.stderr ?? "", /yntax error|end of file/)
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(shell({ command: "no-such-command" }))))
    })
  )
})
