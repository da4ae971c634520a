/** How log lines look and which of them appear. Everything on stdout is data of a command line; logs go to stderr. */
import { Cause, Effect, Layer, Logger, References } from "effect"
import { inspect } from "node:util"
import { isJson } from "../domain/Json.ts"
import { Redactor } from "../secrets/Redactor.ts"
import { causeText } from "./causeText.ts"
import { type Fixed, jsonLine } from "./jsonLine.ts"
import { filtered, type Levels, lowest } from "./levels.ts"

export interface LogSettings extends Fixed {
  readonly format: "auto" | "json" | "pretty" | "logfmt"
  readonly levels: Levels
  readonly terminal: boolean
  readonly colors: boolean
}

/** Logs, and no spans: no collector takes them. */
export const layer = (settings: LogSettings): Layer.Layer<never, never, Redactor> => {
  const { levels } = settings
  return Layer.mergeAll(
    Logger.layer([Effect.map(Redactor, (redactor) => filtered(levels, loggerOf(settings, redactor)))]),
    Layer.succeed(References.MinimumLogLevel, lowest(levels)),
    Layer.succeed(References.TracerEnabled, false),
    Layer.succeed(References.LogToStderr, true)
  )
}

/** Every line is masked on its way out, those of libraries included. */
const loggerOf = (settings: LogSettings, redactor: Redactor["Service"]): Logger.Logger<unknown, void> => {
  const format = settings.format === "auto" ? (settings.terminal ? "pretty" : "json") : settings.format
  if (format === "json")
    return Logger.withConsoleError(Logger.map(Logger.make(jsonLine(settings)), redactor.mask))
  if (format === "logfmt")
    return Logger.withConsoleError(
      Logger.make((line) => redactor.mask(Logger.formatLogFmt.log(withCause(line))))
    )
  const pretty = Logger.consolePretty({ colors: settings.colors, mode: "tty" })
  return Logger.make((line) =>
    pretty.log({ ...line, message: maskedMessage(redactor, line), cause: Cause.empty })
  )
}

/** A cause is a part of the message, so that an expected failure has no stack. */
const withCause = (line: Logger.Options<unknown>): Logger.Options<unknown> =>
  line.cause.reasons.length === 0
    ? line
    : {
        ...line,
        message: [...(Array.isArray(line.message) ? line.message : [line.message]), causeText(line.cause)],
        cause: Cause.empty
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
  return line.cause.reasons.length === 0 ? masked : [...masked, redactor.mask(causeText(line.cause))]
}

/** A line that a person should see whatever the level. */
export const announce = (text: string): Effect.Effect<void> =>
  Effect.sync(() => void process.stderr.write(`${text}\n`))
