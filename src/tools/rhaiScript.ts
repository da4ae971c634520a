/** Runs the script of one command. Loaded with the language when the first script runs. */
import { Clock, Effect } from "effect"
import * as Failure from "../domain/Failure.ts"
import { isJson, type Json } from "../domain/Json.ts"
import { OutputMask, type TextMask } from "../domain/OutputMask.ts"
import * as ToolResult from "../domain/ToolResult.ts"
import type { SafeHttp } from "./http/SafeHttp.ts"
import { Engine, type Script } from "./rhai/Engine.ts"
import { toText } from "./rhai/language/Format.ts"
import { hosted, type HostServices, type LogLevel } from "./rhai/host.ts"
import type { HttpFunction } from "./rhai/hostHttp.ts"
import { toPlain } from "./rhai/Json.ts"
import { standard } from "./rhai/packages/standard.ts"
import { columnOf, lineOf, NONE } from "./rhai/language/Position.ts"
import { envOf, type RhaiSettings } from "./rhai/RhaiOptions.ts"
import type { RhaiError } from "./rhai/language/RhaiError.ts"

import { ScriptCache } from "./rhai/ScriptCache.ts"
import { variablesOf } from "./rhai/variables.ts"
import type { Value } from "./rhai/language/Value.ts"
import { run as runMachine } from "./rhai/run.ts"
import type { Config } from "./RhaiTool.ts"
import type * as Tool from "./Tool.ts"
import { InvalidConfig, ToolError, withDeadline } from "../domain/ToolError.ts"

/** What all scripts share. */
interface Uses {
  readonly settings: RhaiSettings
  readonly http: SafeHttp["Service"]
  readonly cache: ScriptCache
  readonly base: ReturnType<typeof standard>
}

export const make = ({ http, settings }: Pick<Uses, "http" | "settings">) => {
  const uses: Uses = { settings, http, cache: new ScriptCache(settings.cacheBytes), base: standard() }
  return (config: Config, call: Tool.ToolCall) => run(uses, config, call)
}

const run = Effect.fnUntraced(function* (uses: Uses, config: Config, call: Tool.ToolCall) {
  const clock = yield* Clock.Clock
  const started = clock.currentTimeMillisUnsafe()
  const seconds = config.timeout ?? config.timeout_seconds ?? undefined
  const output = new Output(uses.settings.maxOutputBytes, (yield* OutputMask)())
  const { limits, modules } = uses.settings
  const engine = new Engine({
    limits: {
      ...limits,
      ...(seconds === undefined ? {} : { wallClock: Math.min(limits.wallClock, seconds * 1000) })
    },
    natives: hosted(servicesOf(uses, config, call, output), uses.base),
    modules,
    now: () => clock.currentTimeMillisUnsafe()
  })
  const variables = variablesOf(call, config.args ?? {}, config.code)
  const script = yield* compiled(uses.cache, engine, config.code, [...variables.keys()], call.kind)
  const exit = yield* Effect.result(
    runMachine(engine.machine(script, variables)).pipe(withDeadline(call.kind, seconds))
  )
  const more = { ...output.printed(), durationMs: Math.round(clock.currentTimeMillisUnsafe() - started) }
  if (exit._tag === "Success") return resultOf(exit.success, more)
  if (exit.failure instanceof ToolError) return yield* exit.failure
  return ToolResult.failure(failureOf(exit.failure), more)
})

const compiled = (
  cache: ScriptCache,
  engine: Engine,
  code: string,
  globals: ReadonlyArray<string>,
  tool: string
): Effect.Effect<Script, ToolError> =>
  Effect.try({
    try: () => cache.get(engine, code, globals),
    catch: (error) => {
      const problem = `Syntax error: ${(error as RhaiError).show()}`
      return new ToolError({ tool, reason: new InvalidConfig({ issues: [{ at: "code", problem }] }) })
    }
  })

// --- the host ---

/** What a script has printed, up to a limit. */
class Output {
  private readonly parts: Array<string> = []
  private readonly mask: TextMask
  private room: number
  constructor(room: number, mask: TextMask) {
    this.room = room
    this.mask = mask
  }
  add(line: string): void {
    if (this.room > 0) this.keep(this.mask.push(`${line}\n`))
  }
  /** To be asked once, at the end. */
  printed(): { readonly stdout?: string } {
    this.keep(this.mask.end())
    return this.parts.length === 0 ? {} : { stdout: this.parts.join("") }
  }
  private keep(text: string): void {
    if (text === "") return
    this.parts.push(text.slice(0, Math.max(0, this.room)))
    this.room -= text.length
  }
}

const logAt: Readonly<Record<LogLevel, (text: string) => Effect.Effect<void>>> = {
  debug: (text) => Effect.logDebug(text),
  info: (text) => Effect.logInfo(text),
  warn: (text) => Effect.logWarning(text),
  error: (text) => Effect.logError(text)
}

const servicesOf = (uses: Uses, config: Config, call: Tool.ToolCall, output: Output): HostServices => ({
  request: requestOf(uses, call),
  log: (level, text) => logAt[level](text),
  print: (text) =>
    Effect.andThen(
      Effect.sync(() => output.add(text)),
      Effect.logInfo(text)
    ),
  env: (name) => envOf(uses.settings, name),
  gcpToken: uses.settings.gcpToken,
  timestampFormat: config.timestamp_format ?? undefined,
  absentOnFailure: config.host !== "cli"
})

const requestOf =
  ({ http }: Uses, call: Tool.ToolCall): HttpFunction =>
  ({ body, headers, method, url }) =>
    http
      .request({
        tool: call.kind,
        method,
        url,
        headers: { ...(call.traceparent === undefined ? {} : { traceparent: call.traceparent }), ...headers },
        body
      })
      .pipe(
        Effect.map((response) => ({
          status: response.status,
          body: Buffer.from(response.body).toString("utf8")
        })),
        Effect.mapError((error) => error.message)
      )

// --- the result ---

const resultOf = (
  value: Value,
  more: Omit<ToolResult.ToolResult, "status" | "data">
): ToolResult.ToolResult => {
  const data = toPlain(value)
  if (isJson(data)) return ToolResult.success(data, more)
  return ToolResult.failure(Failure.make("schema", "Script error: the value nests too deeply for JSON"), more)
}

const failureOf = (error: RhaiError): Failure.Failure => {
  const thrown = error.kind === "ErrorRuntime" ? (error.thrown as Value) : undefined
  const text = thrown === undefined ? `Script error: Rhai error: ${error.show()}` : toText(thrown)
  const detail = toPlain(thrown)
  const position = error.outerPosition
  return Failure.make(error.isCatchable ? "tool_error" : "limit", text, {
    exception: error.kind,
    traceback: error.show(),
    detail: {
      ...(thrown === undefined ? {} : { value: isJson(detail) ? detail : null }),
      ...(position === NONE ? {} : { line: lineOf(position), position: columnOf(position) })
    } satisfies Record<string, Json>
  })
}
