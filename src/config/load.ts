/**
 * Sources → values. Flags come before the environment, the environment before `.env`, `.env` before a TOML file, the
 * file before defaults. Every problem is found in one go, each with the place it came from.
 */
import { Data, Redacted, Result } from "effect"
import { parseEnv } from "node:util"
import { parse as parseToml } from "smol-toml"
import { nearest } from "../domain/nearest.ts"
import { type Setting, shown } from "./Setting.ts"
import { settings, type Values } from "./settings.ts"
import { withoutMeaning } from "./withoutMeaning.ts"

export interface Sources {
  readonly flags: ReadonlyMap<string, string>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly dotenv: { readonly path: string; readonly text: string } | undefined
  readonly file: { readonly path: string; readonly text: string } | undefined
  /** Defaults of an executable that has others than the settings name, by setting. */
  readonly defaults?: Partial<Values>
}

/** Where a value came from, as a person would name it. */
export interface Origin {
  readonly source: string
  /** As it stood there. */
  readonly text: string
}

export interface Loaded {
  readonly values: Values
  readonly origins: ReadonlyMap<string, Origin>
  readonly warnings: ReadonlyArray<string>
  /** What an operator may know and need not mend. */
  readonly notes: ReadonlyArray<string>
}

/** All that is wrong, one line each. */
export class ConfigProblems extends Data.TaggedError("ConfigProblems")<{
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    return `the configuration has ${this.problems.length} problem(s):\n${this.problems.map((p) => `  ${p}`).join("\n")}`
  }
}

export const load = (sources: Sources): Result.Result<Loaded, ConfigProblems> => {
  const problems: Array<string> = []
  const file = readToml(sources.file, problems)
  const dotenv = sources.dotenv === undefined ? {} : parseEnv(sources.dotenv.text)
  const values: Record<string, unknown> = {}
  const defaults: Readonly<Record<string, unknown>> = sources.defaults ?? {}
  const origins = new Map<string, Origin>()
  for (const [name, setting] of Object.entries(settings) as ReadonlyArray<[string, Setting]>) {
    const origin = originOf(setting, sources, dotenv, file)
    if (origin === undefined) {
      values[name] = defaults[name] ?? setting.fallback
      continue
    }
    origins.set(name, origin)
    const read = setting.type.read(origin.text)
    if (Result.isSuccess(read)) values[name] = read.success
    else
      problems.push(
        `${origin.source}: ${quoted(setting, origin.text)} ${read.failure}; expected ${setting.type.shape}`
      )
  }
  if (problems.length > 0) return Result.fail(new ConfigProblems({ problems }))
  const warnings = warningsOf(sources, dotenv, file)
  const notes = notesOf(sources, dotenv)
  return Result.succeed({ values: values as unknown as Values, origins, warnings, notes })
}

/** Secrets leave this module wrapped only. */
export const redacted = (value: string | undefined): Redacted.Redacted | undefined =>
  value === undefined ? undefined : Redacted.make(value)

// --- helpers ---

const quoted = (setting: Setting, text: string) =>
  // An address that does not read may have a password in it all the same.
  setting.secret || text.includes("@") || text.length > 80 ? "the value" : `"${shown(text)}"`

interface TomlValue {
  readonly text: string
  readonly line: number | undefined
}

const originOf = (
  setting: Setting,
  sources: Sources,
  dotenv: Readonly<Record<string, string | undefined>>,
  file: ReadonlyMap<string, TomlValue>
): Origin | undefined => {
  const flag = setting.flag === undefined ? undefined : sources.flags.get(setting.flag)
  if (flag !== undefined) return { source: `--${setting.flag}`, text: flag }
  for (const name of setting.env) {
    const text = sources.env[name]
    if (text !== undefined && text !== "") return { source: name, text }
  }
  for (const name of setting.env) {
    const text = dotenv[name]
    if (text !== undefined && text !== "")
      return { source: `${sources.dotenv?.path ?? ".env"}: ${name}`, text }
  }
  const inFile = file.get(setting.key)
  if (inFile === undefined || inFile.text === "") return undefined
  const line = inFile.line === undefined ? "" : `:${inFile.line}`
  return { source: `${sources.file?.path ?? "file"}${line}: ${setting.key}`, text: inFile.text }
}

const readToml = (file: Sources["file"], problems: Array<string>): ReadonlyMap<string, TomlValue> => {
  const found = new Map<string, TomlValue>()
  if (file === undefined) return found
  try {
    flatten(parseToml(file.text, { integersAsBigInt: "asNeeded" }), "", (key, value) =>
      found.set(key, { text: String(value), line: lineOf(file.text, key) })
    )
  } catch (cause) {
    problems.push(
      `${file.path}: ${cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause)}`
    )
  }
  return found
}

const flatten = (value: unknown, path: string, add: (key: string, value: unknown) => void): void => {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Date) {
    // `[[queues]]` is the long form of `queue.names`.
    add(
      path === "queues" ? "queue.names" : path,
      Array.isArray(value) ? value.map(textOfItem).join(",") : value
    )
    return
  }
  for (const [key, inner] of Object.entries(value)) flatten(inner, path === "" ? key : `${path}.${key}`, add)
}

/** An entry of `[[queues]]` reads as in a variable: `name=concurrency:weight`. */
const textOfItem = (item: unknown): string => {
  if (typeof item !== "object" || item === null) return String(item)
  const { concurrency, name, weight } = item as Readonly<Record<string, unknown>>
  return `${textOf(name)}=${textOf(concurrency)}${weight === undefined ? "" : `:${textOf(weight)}`}`
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value)

/** The line of `section.key`, found in the text: good enough to point at. */
const lineOf = (text: string, key: string): number | undefined => {
  const [section, name] = [key.slice(0, key.lastIndexOf(".")), key.slice(key.lastIndexOf(".") + 1)]
  let current = ""
  for (const [i, line] of text.split("\n").entries()) {
    const header = /^\s*\[([^\]]+)\]/.exec(line)
    if (header !== null) current = header[1]?.trim() ?? ""
    else if (current === section && new RegExp(`^\\s*"?${name}"?\\s*=`).test(line)) return i + 1
  }
  return undefined
}

/** Our own prefixes. Kubernetes makes variables like NATS_PORT for every Service: those are not ours. */
const prefixes = ["WORKER_", "NOETL_", "NATS_", "HEALTH_", "QUEUE_"]
const fromKubernetes = /_(PORT|SERVICE)(_|$)|_PORT_\d+_/
/** Names of ours that other parts read, and of the systems around us. */
const elsewhere = /^(NOETL_SECRET_|NOETL_COMPAT_|NOETL_PEER_|NATS_SERVER$|NOETL_KEYCHAIN_|NOETL_CREDENTIALS)/

const warningsOf = (
  sources: Sources,
  dotenv: Readonly<Record<string, string | undefined>>,
  file: ReadonlyMap<string, TomlValue>
): ReadonlyArray<string> => {
  const known = Object.values(settings).flatMap((setting) => setting.env as ReadonlyArray<string>)
  const names = [...Object.keys(sources.env), ...Object.keys(dotenv)].filter(
    (name) =>
      prefixes.some((prefix) => name.startsWith(prefix)) &&
      !known.includes(name) &&
      !fromKubernetes.test(name) &&
      !elsewhere.test(name) &&
      !withoutMeaning.has(name)
  )
  const keys: ReadonlyArray<string> = Object.values(settings).map((setting) => setting.key)
  return [
    ...names.map((name) => `the variable ${name} is not known${suggestion(name, known)}`),
    ...[...file.keys()]
      .filter((key) => !keys.includes(key))
      .map((key) => `${sources.file?.path ?? "file"}: the key ${key} is not known${suggestion(key, keys)}`)
  ]
}

/** Variables of other workers' deployments that change nothing here, in one line. */
const notesOf = (
  sources: Sources,
  dotenv: Readonly<Record<string, string | undefined>>
): ReadonlyArray<string> => {
  const names = [...new Set([...Object.keys(sources.env), ...Object.keys(dotenv)])].filter((name) =>
    withoutMeaning.has(name)
  )
  return names.length === 0
    ? []
    : [
        `${names.length} variables of NoETL's own servers and workers have no meaning here: ${names.toSorted().join(", ")}`
      ]
}

const suggestion = (name: string, known: ReadonlyArray<string>): string => {
  const near = nearest(name, known, (other) => Math.max(2, other.length / 5))
  return near === undefined ? "" : `; did you mean ${near}?`
}
