/** Runs commands in a shell: `command` is one script, `cmds` are several, one after the other until one fails. */
import { Clock, Duration, Effect, Schema } from "effect"
import type { JsonObject } from "../domain/Json.ts"
import { shortened } from "../domain/OutputMask.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Coerced from "./Coerced.ts"
import { findProgram } from "./process/findProgram.ts"
import { exitCodeOf, failureOf, timedOut } from "./process/outcome.ts"
import { ProcessOptions } from "./process/ProcessOptions.ts"
import { ProcessRunner, type Ran } from "./process/ProcessRunner.ts"
import * as Settings from "./process/settings.ts"
import { invalid } from "../domain/ToolError.ts"
import * as Tool from "./Tool.ts"

const Config = Schema.Struct({
  command: Coerced.optional(Coerced.TextList),
  cmds: Coerced.optional(Coerced.TextList),
  cmd: Coerced.optional(Coerced.TextList),
  shell: Coerced.optional(Schema.String),
  /** `false`: output goes to the log and not into the result. */
  capture: Coerced.optional(Coerced.Boolean),
  ...Settings.fields
})

const uses = Effect.all({ options: ProcessOptions, runner: ProcessRunner })

export class ShellTool extends Tool.Service<ShellTool>()("noetl-worker/tools/ShellTool", {
  kind: "shell",
  endsAtDeadline: true,
  config: Config,
  uses,
  run: (made, config, call) => run(made, config, call),
  deps: ProcessRunner.layer
}) {}

const run = Effect.fnUntraced(function* (
  { options, runner }: Effect.Success<typeof uses>,
  config: typeof Config.Type,
  call: Tool.ToolCall
) {
  const scripts = config.command ?? config.cmds ?? config.cmd ?? undefined
  if (scripts === undefined || scripts.length === 0) {
    return yield* invalid(call, "command", "Missing: one of command, cmds, cmd")
  }
  if (scripts.some((script) => script.includes("\0")))
    return yield* invalid(call, "command", "contains a zero byte, which no shell reads")
  const { cwd, env, timeout, limits } = yield* Settings.processEnvironmentOf(options, config, call)
  const shell = findProgram(config.shell ?? "sh", env["PATH"], cwd)
  if (shell === undefined) return yield* invalid(call, "shell", `not found: ${config.shell ?? "sh"}`)

  const started = yield* Clock.currentTimeMillis
  const steps: Array<Step> = []
  for (const script of scripts) {
    const spent = Duration.millis((yield* Clock.currentTimeMillis) - started)
    const ran = yield* runner.run({
      tool: call.kind,
      ...programOf(shell, script),
      cwd,
      env,
      timeout:
        timeout === undefined ? undefined : Duration.max(Duration.zero, Duration.subtract(timeout, spent)),
      limits,
      capture: config.capture !== false
    })
    const error =
      ran.ended._tag === "TimedOut" && timeout !== undefined
        ? timedOut(timeout, call.kind)
        : failureOf(ran, "Command", call.kind, { timeout, limits })
    steps.push({ preview: yield* shortened(script, previewLength), ran, error })
    if (error !== undefined) break
  }
  return resultOf(steps, (yield* Clock.currentTimeMillis) - started)
})

interface Step {
  /** The beginning of the script, without its secrets. */
  readonly preview: string
  readonly ran: Ran
  readonly error: ReturnType<typeof failureOf>
}

/** Shells that read a script with `eval`. Others get it as an argument of `-c`, where the machine's users can see it. */
const posix = /^(sh|bash|dash|ash|ksh|mksh|zsh)$/

const programOf = (shell: string, script: string) => {
  const name = shell.slice(shell.lastIndexOf("/") + 1)
  // A script often carries a password in it. A pipe has no other reader and no length limit.
  return posix.test(name)
    ? { argv: [shell, "-c", 'eval "$(cat)" </dev/null', name] as const, stdin: script }
    : { argv: [shell, "-c", script] as const }
}

// --- the result ---

const resultOf = (steps: ReadonlyArray<Step>, durationMs: number): ToolResult.ToolResult => {
  const last = steps.at(-1)
  const exitCode = last === undefined ? 0 : exitCodeOf(last.ran.ended)
  const stdout = steps.map(({ ran }) => ran.stdout.text).join("")
  const stderr = steps.map(({ ran }) => ran.stderr.text).join("")
  const data: JsonObject = {
    ...codes(exitCode),
    stdout,
    stderr,
    ...Object.assign({}, ...steps.map(({ ran }) => Settings.truncatedKeys(ran))),
    // A single command's output is the whole output: it is not sent twice.
    commands: steps.map((step) => commandOf(step, steps.length > 1)),
    duration_ms: durationMs
  }
  const envelope = { data, stdout, stderr, durationMs, ...(exitCode === undefined ? {} : { exitCode }) }
  return last?.error === undefined
    ? ToolResult.success(data, envelope)
    : ToolResult.failure(last.error, envelope)
}

const commandOf = ({ preview, ran }: Step, withOutput: boolean): JsonObject => ({
  cmd_preview: preview,
  ...codes(exitCodeOf(ran.ended)),
  ...(withOutput ? { stdout: ran.stdout.text, stderr: ran.stderr.text } : {}),
  duration_ms: ran.durationMs
})

const previewLength = 120

const codes = (exitCode: number | undefined): JsonObject => ({
  exit_code: exitCode ?? null,
  returncode: exitCode ?? null
})
