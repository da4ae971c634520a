/** How log lines look and which of them appear. Everything on stdout is data of a command line; logs go to stderr. */
import { Effect, Layer, Logger, type LogLevel, References } from "effect"

export interface LogSettings {
  readonly format: "auto" | "json" | "pretty" | "logfmt"
  /** `info`, or RUST_LOG's form: `info,worker_pool=debug`. */
  readonly level: string
  readonly terminal: boolean
  readonly colors: boolean
}

export const layer = (settings: LogSettings): Layer.Layer<never> => {
  const format = settings.format === "auto" ? (settings.terminal ? "pretty" : "json") : settings.format
  const logger =
    format === "json"
      ? Logger.withConsoleError(Logger.formatJson)
      : format === "logfmt"
        ? Logger.withConsoleError(Logger.formatLogFmt)
        : Logger.consolePretty({ colors: settings.colors, mode: "tty" })
  return Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, levelOf(settings.level)),
    Layer.succeed(References.LogToStderr, true)
  )
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
