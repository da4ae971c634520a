/** What a playbook must give (test/fixtures/noetl/expected.yaml), held against what a run gave. */
import { readFileSync } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import { parse as parseYaml } from "yaml"
import type { Document, Event } from "./server.ts"

export interface Expected {
  readonly class: string
  /** False where it needs what the playbook before it left in the database. */
  readonly fresh?: boolean
  readonly setup?: string
  readonly children?: ReadonlyArray<string>
  readonly payload?: Document
  readonly status: string
  readonly values?: Document
  readonly loops?: Readonly<Record<string, ReadonlyArray<unknown>>>
  readonly ran?: ReadonlyArray<string>
  readonly not?: ReadonlyArray<string>
  readonly once?: ReadonlyArray<string>
  readonly order?: ReadonlyArray<ReadonlyArray<string>>
  readonly error?: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly tables?: Readonly<Record<string, unknown>>
  readonly requests?: Readonly<Record<string, number>>
  readonly counters?: Document
}

export const expected = parseYaml(readFileSync("test/fixtures/noetl/expected.yaml", "utf8")) as Readonly<
  Record<string, Expected>
>

export interface Check {
  readonly what: string
  readonly ok: boolean
  /** What was there instead. */
  readonly found?: string
}

export interface Run {
  readonly id: string
  readonly variables: Document
  readonly events: ReadonlyArray<Event>
  readonly rows: (sql: string) => Promise<unknown>
  readonly requests: ReadonlyArray<Request>
  readonly counters: (path: string) => Promise<unknown>
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly count: number
}

export const check = async (wanted: Expected, run: Run): Promise<ReadonlyArray<Check>> => [
  ...Object.entries(wanted.values ?? {}).map(([path, value]) => valueAt(path, value, run)),
  ...Object.entries(wanted.loops ?? {}).map(([step, items]) => valueAt(`${step}.results`, items, run)),
  ...(wanted.ran ?? []).map((step) => verdict(`${step} runs`, hasRun(step, run), "it did not")),
  ...(wanted.not ?? []).map((step) => verdict(`${step} does not run`, !hasRun(step, run), "it did")),
  ...(wanted.once ?? []).map((step) => once(step, run)),
  ...(wanted.order ?? []).map((steps) => inOrder(steps, run)),
  ...Object.entries(wanted.error ?? {}).flatMap(([step, texts]) =>
    [texts].flat().map((text) => errorOf(step, text, run))
  ),
  ...(await Promise.all(Object.entries(wanted.tables ?? {}).map(([sql, rows]) => table(sql, rows, run)))),
  ...Object.entries(wanted.requests ?? {}).map(([request, times]) => asked(request, times, run)),
  ...(await Promise.all(
    Object.entries(wanted.counters ?? {}).map(([path, value]) => counted(path, value, run))
  ))
]

// --- one of each kind ---

const verdict = (what: string, ok: boolean, found: unknown): Check =>
  ok ? { what, ok } : { what, ok, found: shown(found) }

const shown = (value: unknown): string =>
  value === undefined ? "nothing" : (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 300)

const valueAt = (path: string, value: unknown, run: Run): Check => {
  const [step = "", ...members] = path.split(".")
  const found = viewsOf(step, run).map((view) => at(view, members))
  const ok = found.some((one) => within(value, one))
  return verdict(
    `${path} = ${shown(value)}`,
    ok,
    found.find((one) => one !== undefined && one !== null)
  )
}

const started = (step: string, { events }: Run): ReadonlyArray<bigint> =>
  events.filter((event) => event.type === "command.started" && plain(event.step) === step).map(({ id }) => id)

const hasRun = (step: string, run: Run): boolean => started(step, run).length > 0

const once = (step: string, run: Run): Check => {
  const times = started(step, run).length
  return verdict(`${step} runs once`, times === 1, `it ran ${times} times`)
}

const inOrder = (steps: ReadonlyArray<string>, run: Run): Check => {
  const early = steps.slice(1).find((step, index) => !follows(step, steps[index] ?? "", run))
  return verdict(`${steps.join(", ")} in this order`, early === undefined, `${early} does not follow`)
}

const follows = (step: string, before: string, run: Run): boolean => {
  const done = run.events.findLast((event) => event.type === "call.done" && plain(event.step) === before)
  const first = started(step, run)[0]
  return done !== undefined && first !== undefined && done.id < first
}

const errorOf = (step: string, text: string, { events }: Run): Check => {
  const errors = events.filter((event) => event.type === "call.error" && plain(event.step) === step)
  const all = JSON.stringify(errors.map(({ error, result }) => [error, result]))
  return verdict(`${step} fails with ${text}`, new RegExp(text).test(all), all)
}

const table = async (sql: string, rows: unknown, run: Run): Promise<Check> => {
  const found = await run
    .rows(sql.replaceAll("$EXECUTION", run.id))
    .catch((cause: unknown) => (cause instanceof Error ? cause.message : String(cause)))
  return verdict(`${sql.replace(/^SELECT /, "")}: ${shown(rows)}`, isDeepStrictEqual(found, rows), found)
}

const asked = (request: string, times: number, { requests }: Run): Check => {
  const [address = "", search] = request.split("?")
  const wanted = [...new URLSearchParams(search)]
  const count = requests
    .filter(({ method, path }) => `${method} ${path}` === address)
    .filter(({ query }) => wanted.every(([key, value]) => query[key] === value))
    .reduce((sum, one) => sum + one.count, 0)
  return verdict(`${request} asked ${times} times`, count === times, count)
}

const counted = async (path: string, value: unknown, run: Run): Promise<Check> => {
  const found = await run.counters(path)
  return verdict(`${path} = ${shown(value)}`, within(value, found), found)
}

// --- where a step's value is ---

const plain = (step: string) => step.replace(/(:task_sequence)+$/, "")

/**
 * A step's value as the server keeps it and as the events tell it, seen whole, below the names that generations put
 * around it, and at each task of a pipeline.
 */
const viewsOf = (step: string, { events, variables }: Run): ReadonlyArray<unknown> => {
  const told = events
    .filter((event) => event.type === "call.done" && plain(event.step) === step)
    .map((event) => at(event.result, ["data", "response"]))
  return [variables[step], ...told.toReversed()].flatMap((value) =>
    [
      value,
      ...["data", "result", "results", "_prev", "response"].map((name) => at(value, [name])),
      ...members(at(value, ["results"]))
    ].flatMap(inside)
  )
}

const inside = (value: unknown): ReadonlyArray<unknown> => [
  value,
  at(value, ["data"]),
  at(value, ["command_0"]),
  at(value, ["data", "command_0"])
]

const members = (value: unknown): ReadonlyArray<unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? Object.values(value) : []

const at = (value: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Document)[key]
        : undefined,
    value
  )

/** Equal, but an object may have more members, and a number may be a least one. */
const within = (wanted: unknown, found: unknown): boolean => {
  const least = typeof wanted === "string" ? /^>= (\d+)$/.exec(wanted)?.[1] : undefined
  if (least !== undefined) return typeof found === "number" && found >= Number(least)
  if (Array.isArray(wanted))
    return (
      Array.isArray(found) &&
      found.length === wanted.length &&
      wanted.every((item, index) => within(item, found[index]))
    )
  if (typeof wanted === "object" && wanted !== null)
    return (
      typeof found === "object" &&
      found !== null &&
      Object.entries(wanted).every(([key, value]) => within(value, at(found, [key])))
    )
  return wanted === found
}
