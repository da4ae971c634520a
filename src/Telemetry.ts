/** How log lines look and which of them appear. Everything on stdout is data of a command line; logs go to stderr. */
import { Cause, Effect, Layer, Logger, type LogLevel, References } from "effect"
import { inspect } from "node:util"
import { isJson } from "./domain/Json.ts"
import { Redactor } from "./secrets/Redactor.ts"

export interface LogSettings {
  readonly format: "auto" | "json" | "pretty" | "logfmt"
  /** `info`, or RUST_LOG's form: `info,worker_pool=debug`. */
  readonly level: string
  readonly terminal: boolean
  readonly colors: boolean
}

export const layer = (settings: LogSettings): Layer.Layer<never, never, Redactor> =>
  Layer.mergeAll(
    Logger.layer([Effect.map(Redactor, (redactor) => loggerOf(settings, redactor))]),
    Layer.succeed(References.MinimumLogLevel, levelOf(settings.level)),
    // Spans go nowhere yet: making them would cost a stack for each.
    Layer.succeed(References.TracerEnabled, false),
    Layer.succeed(References.LogToStderr, true)
  )

/** Every line is masked on its way out, whoever wrote it. */
const loggerOf = (settings: LogSettings, redactor: Redactor["Service"]): Logger.Logger<unknown, void> => {
  const format = settings.format === "auto" ? (settings.terminal ? "pretty" : "json") : settings.format
  if (format === "json") return Logger.withConsoleError(Logger.map(Logger.formatJson, redactor.mask))
  if (format === "logfmt") return Logger.withConsoleError(Logger.map(Logger.formatLogFmt, redactor.mask))
  const pretty = Logger.consolePretty({ colors: settings.colors, mode: "tty" })
  return Logger.make((line) =>
    pretty.log({ ...line, message: maskedMessage(redactor, line), cause: Cause.empty })
  )
}

/** A cause is an object with texts in many places: it is made text before it is masked. */
const maskedMessage = (
  redactor: Redactor["Service"],
  line: Logger.Options<unknown>
): ReadonlyArray<unknown> => {
  const parts = Array.isArray(line.message) ? line.message : [line.message]
  const masked = parts.map((part) =>
    typeof part === "string"
      ? redactor.mask(part)
      : isJson(part)
        ? redactor.maskJson(part)
        : redactor.mask(inspect(part))
  )
  return line.cause.reasons.length === 0 ? masked : [...masked, redactor.mask(Cause.pretty(line.cause))]
}

/** The most talkative level that the text asks for: parts are not told apart by the logger. */
export const levelOf = (text: string): LogLevel.LogLevel => {
  const levels = new Set(
    text.split(",").map((part) => words.get((part.split("=").at(-1) ?? "").trim().toLowerCase()))
  )
  const order: ReadonlyArray<LogLevel.LogLevel> = [
    "All",
    "Trace",
    "Debug",
    "Info",
    "Warn",
    "Error",
    "Fatal",
    "None"
  ]
  return order.find((level) => levels.has(level)) ?? "Info"
}

const words: ReadonlyMap<string, LogLevel.LogLevel> = new Map([
  ["trace", "Trace"],
  ["debug", "Debug"],
  ["info", "Info"],
  ["warn", "Warn"],
  ["warning", "Warn"],
  ["error", "Error"],
  ["fatal", "Fatal"],
  ["off", "None"],
  ["none", "None"]
])

/** A line that a person should see whatever the level. */
export const announce = (text: string): Effect.Effect<void> =>
  Effect.sync(() => void process.stderr.write(`${text}\n`))
