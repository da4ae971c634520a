/**
 * The worker puts a value under more than one name, for playbooks that were written for other workers: rows at the top
 * and under `command_N`, a body as `data` and as `body`, the members of a pipeline's tasks under their own names. Only
 * copies that are the same value are ever left out, and `_copies` says which, so that they can be put back.
 */
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"

/** `worker`: the names that only this worker gives. `all`: every value once, in a pipeline's `_prev` before its `results`. */
export type Which = "worker" | "all"

type Path = ReadonlyArray<string>

interface Place {
  readonly path: Path
  /** The part of the value: a pipeline's `_prev`, its `results`, everything else. */
  readonly part: number
  /** 0 for a name that servers and workers of the Python generations know. */
  readonly name: number
}

/** The value without its copies; itself where it has none. */
export const withoutCopies = (value: Json, which: Which): Json => {
  if (!isObject(value)) return value
  const copies = copiesIn(value, which)
  if (copies.size === 0) return value
  const notes = [...copies.values()].toSorted(
    ({ copy: a }, { copy: b }) => a.part - b.part || b.path.length - a.path.length
  )
  return {
    ...(without(value, [], copies) as JsonObject),
    [copiesKey]: notes.map(({ copy, of }) => [copy.path, of.path])
  }
}

/** A value with the copies that its `_copies` names; itself where it has no such member. */
export const withCopies = (value: Json): Json => {
  if (!isObject(value) || !Object.hasOwn(value, copiesKey)) return value
  const { [copiesKey]: notes, ...rest } = value
  if (!Array.isArray(notes)) return value
  return notes.reduce<JsonObject>((whole, note: Json) => {
    const [path, of] = Array.isArray(note) ? note : []
    const member = isPath(of) ? memberAt(whole, of) : undefined
    return isPath(path) && member !== undefined ? put(whole, path, member) : whole
  }, rest)
}

/** Large values that were searched already and have nothing to put back, with how many levels of them. */
export type Complete = WeakMap<object, number>

/** The same for every value in a context: steps, what is under `ctx`, the results of a loop. */
export const withCopiesInside = (value: Json, complete: Complete = new WeakMap(), levels = 4): Json => {
  // Most contexts have no such value, and a search makes nothing.
  if (!hasCopies(value, complete, levels)) return value
  if (Array.isArray(value)) return value.map((item: Json) => withCopiesInside(item, complete, levels - 1))
  const whole = withCopies(value)
  if (whole !== value || !isObject(value)) return whole
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withCopiesInside(member, complete, levels - 1)])
  )
}

const hasCopies = (value: Json | undefined, complete: Complete, levels: number): boolean => {
  if (typeof value !== "object" || value === null) return false
  const isList = Array.isArray(value)
  if (!isList && Object.hasOwn(value, copiesKey)) return true
  if (levels === 0 || (complete.get(value) ?? 0) >= levels) return false
  const members: ReadonlyArray<Json> = isList ? value : Object.values(value)
  for (const member of members) if (hasCopies(member, complete, levels - 1)) return true
  // To remember a small value costs more than to search it again.
  if (members.length > largeFrom) complete.set(value, levels)
  return false
}

const largeFrom = 32

export const copiesKey = "_copies"

// --- which members are copies ---

interface Copy {
  readonly copy: Place
  readonly of: Place
}

const copiesIn = (value: JsonObject, which: Which): ReadonlyMap<string, Copy> => {
  const places = new Map<Json, Array<Place>>()
  collect(value, [], isPipeline(value), places)
  const copies = new Map<string, Copy>()
  for (const group of places.values()) {
    if (group.length < 2) continue
    for (const copy of group) {
      const [of] = group
        .filter((other) => isBetter(other, copy, which))
        .toSorted((a, b) => a.part - b.part || a.name - b.name)
      if (of !== undefined) copies.set(keyOf(copy.path), { copy, of })
    }
  }
  return copies
}

const isBetter = (other: Place, copy: Place, which: Which): boolean => {
  if (keyOf(resultOf(other.path)) === keyOf(resultOf(copy.path))) {
    if (other.name !== copy.name)
      return other.name < copy.name && other.path.at(-1) === knownNameOf(copy.path)
  }
  return other.part < copy.part && (which === "all" || copy.part === ofTheWorker)
}

const ofTheWorker = 2

const partOf = (path: Path): number => (path[0] === "_prev" ? 0 : path[0] === "results" ? 1 : ofTheWorker)

/** The union of a pipeline has both. */
const isPipeline = (value: JsonObject): boolean => Object.hasOwn(value, "_prev") && isObject(value["results"])

const collect = (node: JsonObject, path: Path, pipeline: boolean, places: Map<Json, Array<Place>>): void => {
  for (const [key, member] of Object.entries(node)) {
    const at = [...path, key]
    if (isHeavy(member)) {
      const place = {
        path: at,
        part: pipeline ? partOf(at) : ofTheWorker,
        name: knownNameOf(at) === undefined ? 0 : 1
      }
      const known = places.get(member)
      if (known === undefined) places.set(member, [place])
      else known.push(place)
    }
    if (isObject(member) && (command.test(key) || (pipeline && isResultAt(at))))
      collect(member, at, pipeline, places)
  }
}

/** Short texts weigh no more than the note of a copy. */
const isHeavy = (value: Json): boolean =>
  typeof value === "string" ? value.length > 128 : isObject(value) || Array.isArray(value)

/** Where a pipeline has the result of a task, or the map of them. */
const isResultAt = (path: Path): boolean => path.length === 1 || (path.length === 2 && path[0] === "results")

const command = /^command_\d+$/
const workersAtTheTop: ReadonlySet<string> = new Set(["rows", "columns", "column_types", "statements"])

/** The name under which other workers have what stands at a path; undefined where that is its own name. */
const knownNameOf = (path: Path): string | undefined => {
  const key = path.at(-1) ?? ""
  if (key === "body") return "data"
  if (key === "labeled_results") return "results"
  if (/^statement_\d+$/.test(key)) return key.replace("statement", "command")
  if (/^command_\d+_rows$/.test(key)) return "rows"
  return workersAtTheTop.has(key) && !command.test(path.at(-2) ?? "") ? key : undefined
}

/** The path of the result that a member belongs to. */
const resultOf = (path: Path): Path => {
  const above = path.slice(0, -1)
  return command.test(above.at(-1) ?? "") ? above.slice(0, -1) : above
}

// --- paths ---

const keyOf = (path: Path): string => JSON.stringify(path)

const without = (node: Json, path: Path, copies: ReadonlyMap<string, Copy>): Json => {
  if (!isObject(node) || path.length > deepest) return node
  return Object.fromEntries(
    Object.entries(node).flatMap(([key, member]) => {
      const at = [...path, key]
      return copies.has(keyOf(at)) ? [] : [[key, without(member, at, copies)] as const]
    })
  )
}

/** `results`, label, `command_N`: no copy is further down. */
const deepest = 3

const isPath = (value: Json | undefined): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((key) => typeof key === "string")

export const memberAt = (value: Json, path: Path): Json | undefined =>
  path.reduce<Json | undefined>(
    (node, key) => (isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined),
    value
  )

const put = (node: JsonObject, [key, ...rest]: Path, value: Json): JsonObject => {
  if (key === undefined) return node
  const inner = node[key]
  return Object.fromEntries([
    ...Object.entries(node),
    [key, rest.length === 0 ? value : isObject(inner) ? put(inner, rest, value) : (inner ?? null)]
  ])
}
