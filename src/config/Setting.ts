/** One setting: its names in every source, how its text reads, its default, and what it is for. */
import { Duration, Result } from "effect"
import { isIP } from "node:net"
import * as Json from "../domain/Json.ts"
import { shownUrl } from "../domain/shownUrl.ts"

export interface Setting<out A = unknown> {
  /** Name in a TOML file: `section.key`. */
  readonly key: string
  /** Names in the environment; the first one is canonical, the others are accepted as well. */
  readonly env: readonly [string, ...ReadonlyArray<string>]
  readonly flag: string | undefined
  readonly alias: string | undefined
  readonly doc: string
  /** How the default reads in the documentation. */
  readonly shownDefault: string
  readonly secret: boolean
  readonly type: SettingType<A>
  readonly fallback: A
}

export interface SettingType<out A> {
  /** How a value looks, for messages and help: `an integer from 1 to 1024`. */
  readonly shape: string
  readonly schema: Readonly<Record<string, unknown>>
  readonly read: (text: string) => Result.Result<A, string>
}

export interface Names {
  readonly key: string
  readonly env: readonly [string, ...ReadonlyArray<string>]
  readonly flag?: string
  readonly alias?: string
  readonly doc: string
  readonly shownDefault?: string
  readonly secret?: boolean
}

/** A setting with a default. */
export const setting = <A>(names: Names, type: SettingType<A>, fallback: A): Setting<A> => ({
  ...names,
  flag: names.flag,
  alias: names.alias,
  secret: names.secret ?? false,
  shownDefault: names.shownDefault ?? shownOrNone(fallback),
  type,
  fallback
})

/** A setting that may be missing. */
export const optional = <A>(names: Names, type: SettingType<A>): Setting<A | undefined> =>
  setting<A | undefined>({ shownDefault: "none", ...names }, type, undefined)

/** A value as a list of settings shows it. */
export const shown = (value: unknown): string => {
  if (Duration.isDuration(value)) return `${Duration.toSeconds(value)} s`
  if (value instanceof Map) return [...value].map(([k, v]) => `${k}=${v}`).join(",")
  if (Array.isArray(value)) return value.map(shownItem).join(",")
  if (typeof value === "string") return value.includes("://") ? shownUrl(value) : value
  return Json.stringify(value)
}

const shownItem = (item: unknown): string => {
  if (typeof item !== "object" || item === null || !("name" in item)) return String(item)
  const { concurrency, name, weight } = item as { name: string; concurrency?: number; weight?: number }
  return concurrency === undefined && (weight ?? 1) === 1
    ? name
    : `${name}=${concurrency ?? ""}${(weight ?? 1) === 1 ? "" : `:${weight}`}`
}

const shownOrNone = (value: unknown): string => {
  const text = value === undefined ? "" : shown(value)
  return text === "" ? "none" : text
}

// --- types ---

export const text: SettingType<string> = {
  shape: "text",
  schema: { type: "string" },
  read: (value) => Result.succeed(value)
}

export const url = (protocols: ReadonlyArray<string>): SettingType<string> => ({
  shape: `a URL (${protocols.map((protocol) => `${protocol}//`).join(", ")})`,
  schema: { type: "string", format: "uri" },
  read: (value) => {
    const parts = value.split(",").map((part) => part.trim())
    const wrong = parts.find((part) => !URL.canParse(part) || !protocols.includes(new URL(part).protocol))
    return wrong === undefined ? Result.succeed(value) : Result.fail("is not such a URL")
  }
})

export const integer = (from: number, to: number): SettingType<number> => ({
  shape: `an integer from ${from} to ${to}`,
  schema: { type: "integer", minimum: from, maximum: to },
  read: (value) => {
    const n = Number(value)
    return /^[+-]?\d+$/.test(value.trim()) && n >= from && n <= to
      ? Result.succeed(n)
      : Result.fail("is not in this range")
  }
})

export const boolean: SettingType<boolean> = {
  shape: "true or false",
  schema: { type: "boolean" },
  read: (value) => {
    const word = value.trim().toLowerCase()
    if (["true", "1", "yes", "on"].includes(word)) return Result.succeed(true)
    return ["false", "0", "no", "off", ""].includes(word) ? Result.succeed(false) : Result.fail("is neither")
  }
}

export const oneOf = <const Words extends ReadonlyArray<string>>(
  ...words: Words
): SettingType<Words[number]> => ({
  shape: words.join(" | "),
  schema: { enum: words },
  read: (value) => {
    const found = words.find((word) => word === value.trim().toLowerCase())
    return found === undefined ? Result.fail("is none of these") : Result.succeed(found)
  }
})

/** A bare number is in `unit`; `500ms`, `15s`, `2m`, `1h` say their own. */
export const duration = (unit: "seconds" | "millis"): SettingType<Duration.Duration> => ({
  shape: `a time in ${unit === "seconds" ? "seconds" : "milliseconds"}, or with a unit: 500ms, 15s, 2m, 1h`,
  schema: { type: ["number", "string"] },
  read: (value) => {
    const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(value.trim())
    if (match === null) return Result.fail("is no time")
    const amount = Number(match[1])
    switch (match[2] ?? (unit === "seconds" ? "s" : "ms")) {
      case "ms":
        return Result.succeed(Duration.millis(amount))
      case "m":
        return Result.succeed(Duration.minutes(amount))
      case "h":
        return Result.succeed(Duration.hours(amount))
      default:
        return Result.succeed(Duration.seconds(amount))
    }
  }
})

const words = (value: string) => value.split(/[\s,]+/).filter((word) => word !== "")

export const list: SettingType<ReadonlyArray<string>> = {
  shape: "words, separated by commas",
  schema: { type: "string" },
  read: (value) => Result.succeed(words(value))
}

/** Paths may have spaces in them. */
/** Addresses of HTTP servers. */
export const urls: SettingType<ReadonlyArray<string>> = {
  shape: "URLs (http://, https://), separated by commas",
  schema: { type: "string" },
  read: (value) => {
    const all = value
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== "")
    const wrong = all.find((one) => !URL.canParse(one) || !/^https?:$/.test(new URL(one).protocol))
    return wrong === undefined ? Result.succeed(all) : Result.fail("has one that is no such URL")
  }
}
export const paths: SettingType<ReadonlyArray<string>> = {
  shape: "text",
  schema: { type: "string" },
  read: (value) =>
    Result.succeed(
      value
        .split(",")
        .map((one) => one.trim())
        .filter((one) => one !== "")
    )
}

/** What an egress rule names: a class of addresses, an address, a block, a name, all names below one. */
export const places: SettingType<ReadonlyArray<string>> = {
  shape: "private, loopback, addresses, blocks (10.1.0.0/16) and names (*.example.com), separated by commas",
  schema: { type: "string" },
  read: (value) => {
    const all = words(value)
    const wrong = all.find((word) => !isPlace(word))
    return wrong === undefined ? Result.succeed(all) : Result.fail(`does not read at "${wrong}"`)
  }
}

const isPlace = (word: string): boolean => {
  const [address = "", bits] = word.split("/")
  const version = isIP(address)
  if (version === 0) return /^(\*\.)?[a-z\d_-]+(\.[a-z\d_-]+)*\.?$/i.test(word) && !/^[\d.]+$/.test(word)
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** `default,mail=4,reports=2:3`: name, concurrency, weight. */
export const queues: SettingType<
  ReadonlyArray<{
    readonly name: string
    readonly concurrency: number | undefined
    readonly weight: number
  }>
> = {
  shape: "name, name=concurrency or name=concurrency:weight, separated by commas",
  schema: {
    type: ["string", "array"],
    items: {
      type: "object",
      properties: {
        name: { type: "string" },
        concurrency: { type: "integer", minimum: 1 },
        weight: { type: "integer", minimum: 1 }
      },
      required: ["name"]
    }
  },
  read: (value) => {
    const parts = value.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))
    const read = parts.map((part) => {
      const match = /^([^=:,\s]{1,200})(?:=([1-9]\d{0,3})?(?::([1-9]\d{0,3}))?)?$/.exec(part)
      if (match === null) return part
      const [, name = "", concurrency, weight] = match
      return {
        name,
        concurrency: concurrency === undefined ? undefined : Number(concurrency),
        weight: Number(weight ?? 1)
      }
    })
    const wrong = read.find((one) => typeof one === "string")
    if (wrong !== undefined) return Result.fail(`does not read at "${wrong}"`)
    const good = read.filter((one) => typeof one !== "string")
    if (good.length === 0) return Result.fail("names no queue")
    const names = good.map(({ name }) => name)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    return twice === undefined ? Result.succeed(good) : Result.fail(`names "${twice}" twice`)
  }
}

/** `python=2,duckdb=1` */
export const limits: SettingType<ReadonlyMap<string, number>> = {
  shape: "kind=number, separated by commas",
  schema: { type: "string" },
  read: (value) => {
    const map = new Map<string, number>()
    for (const part of value.split(",").filter((p) => p.trim() !== "")) {
      const [kind, n] = part.split("=").map((p) => p.trim())
      if (kind === undefined || n === undefined || !/^[1-9]\d{0,5}$/.test(n))
        return Result.fail(`does not read at "${part}"`)
      map.set(kind, Number(n))
    }
    return Result.succeed(map)
  }
}

/** `20001-20064`: numbers of users. */
export const userRange: SettingType<{ readonly from: number; readonly to: number }> = {
  shape: "two numbers of users, from 1000 to 4000000000, with a hyphen between: 20001-20064",
  schema: { type: "string" },
  read: (value) => {
    const [from = 0, to = 0] = (/^(\d{1,10})-(\d{1,10})$/.exec(value.trim())?.slice(1) ?? []).map(Number)
    return from >= 1000 && from <= to && to <= 4_000_000_000 && to - from < 10_000
      ? Result.succeed({ from, to })
      : Result.fail("is no such range")
  }
}
