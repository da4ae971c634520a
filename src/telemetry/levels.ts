/** Which lines appear: a level for all of them, others for parts of the worker. */
import { Logger, LogLevel, References } from "effect"

export interface Levels {
  readonly overall: LogLevel.LogLevel
  /** By the name of a part. */
  readonly parts: ReadonlyMap<string, LogLevel.LogLevel>
  /** What was not understood. */
  readonly unknown: ReadonlyArray<string>
}

/**
 * `info`, or RUST_LOG's form `info,consumer=debug,python=warn`. A part is a child of the worker's tree or the kind of a tool;
 * the crates of the Rust worker are understood as the whole of this one.
 */
export const levelsOf = (text: string): Levels => {
  const parts = new Map<string, LogLevel.LogLevel>()
  const unknown: Array<string> = []
  let overall: LogLevel.LogLevel | undefined
  for (const word of text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")) {
    const [name, level] = word.includes("=") ? partOf(word) : [undefined, words.get(word.toLowerCase())]
    if (level === undefined) unknown.push(word)
    else if (name === undefined) overall = level
    else if (isWhole(name)) overall = overall === undefined ? level : chattier(overall, level)
    else parts.set(name, level)
  }
  return { overall: overall ?? "Info", parts, unknown }
}

/** The lowest level at which anything appears: below it no line is made. */
export const lowest = ({ overall, parts }: Levels): LogLevel.LogLevel =>
  [...parts.values()].reduce(chattier, overall)

/** Whether a line appears, by the parts that it belongs to. */
export const appears = (
  { overall, parts }: Levels,
  { fiber, logLevel }: Logger.Options<unknown>
): boolean => {
  if (parts.size === 0) return LogLevel.isGreaterThanOrEqualTo(logLevel, overall)
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  const own = [annotations["tool"], annotations["fiber"]]
    .map((name) => (typeof name === "string" ? parts.get(name) : undefined))
    .find((level) => level !== undefined)
  return LogLevel.isGreaterThanOrEqualTo(logLevel, own ?? overall)
}

/** The same logger, given only lines that appear. */
export const filtered = (
  levels: Levels,
  logger: Logger.Logger<unknown, void>
): Logger.Logger<unknown, void> =>
  Logger.make((line) => {
    if (appears(levels, line)) logger.log(line)
  })

// --- helpers ---

const partOf = (word: string): readonly [string, LogLevel.LogLevel | undefined] => {
  const [name = "", level = ""] = word.split("=")
  return [name.trim(), words.get(level.trim().toLowerCase())]
}

const isWhole = (name: string): boolean =>
  /^(noetl_?)?(worker(_pool)?|tools)?(::|$)/.test(name) && name !== ""

const chattier = (a: LogLevel.LogLevel, b: LogLevel.LogLevel): LogLevel.LogLevel =>
  LogLevel.isLessThan(a, b) ? a : b

const words: ReadonlyMap<string, LogLevel.LogLevel> = new Map([
  ["all", "All"],
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
