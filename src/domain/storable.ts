/**
 * Ending → the same as every server and database can store it. PostgreSQL's jsonb takes neither `\u0000` nor a lone
 * surrogate (22P05, 22P02), JSON has no NaN, and a driver may answer with objects of its own.
 *
 * What had to change is noted with its place. A value that is nested too deeply is an error of kind `limit`.
 */
import * as Failure from "./Failure.ts"
import type { Json, JsonObject } from "./Json.ts"
import * as Outcome from "./Outcome.ts"
import * as ToolResult from "./ToolResult.ts"

export interface Storable {
  readonly ending: Outcome.Ending
  /** What was replaced, and where; at most ten. */
  readonly notes: ReadonlyArray<string>
}

/** Nested arrays and objects of a result. Events and contexts put it into envelopes, and parsers stop at 200. */
export const maxResultDepth = 190

export const storable = (ending: Outcome.Ending): Storable => {
  const notes: Array<string> = []
  try {
    return { ending: cleanEnding(ending, notes), notes: notes.slice(0, 10) }
  } catch (cause) {
    if (!(cause instanceof TooDeep)) throw cause
    const failure = Failure.make(
      "limit",
      `the result is nested deeper than ${maxResultDepth} levels at ${cause.path}: return less of it, or as text`
    )
    return { ending: Outcome.ofResult(ToolResult.failure(failure)), notes: [] }
  }
}

/** A value as it can be stored, with a note for each replacement. Throws where it is nested too deeply. */
export const storableJson = (value: unknown, at: string, notes: Array<string>): Json =>
  clean(value, [at], notes)

class TooDeep extends Error {
  readonly path: string
  constructor(path: string) {
    super("nested too deeply")
    this.path = path
  }
}

const cleanEnding = (ending: Outcome.Ending, notes: Array<string>): Outcome.Ending => {
  if (ending._tag === "Crashed") {
    const error = cleanFailure(ending.error, notes)
    return error === ending.error ? ending : { ...ending, error }
  }
  const result = cleanResult(ending.result, notes)
  return result === ending.result ? ending : { ...ending, result }
}

const cleanResult = (result: ToolResult.ToolResult, notes: Array<string>): ToolResult.ToolResult =>
  changed(result, {
    data: result.data === undefined ? undefined : clean(result.data, ["result"], notes),
    stdout: result.stdout === undefined ? undefined : cleanText(result.stdout, ["stdout"], notes),
    stderr: result.stderr === undefined ? undefined : cleanText(result.stderr, ["stderr"], notes),
    error: result.error === undefined ? undefined : cleanFailure(result.error, notes),
    contextUpdates:
      result.contextUpdates === undefined
        ? undefined
        : (clean(result.contextUpdates, ["set"], notes) as JsonObject)
  })

const cleanFailure = (failure: Failure.Failure, notes: Array<string>): Failure.Failure =>
  changed(failure, {
    message: cleanText(failure.message, ["error", "message"], notes),
    traceback:
      failure.traceback === undefined
        ? undefined
        : cleanText(failure.traceback, ["error", "traceback"], notes),
    detail: failure.detail === undefined ? undefined : clean(failure.detail, ["error", "detail"], notes)
  })

/** The same object unless a member changed: almost every result is storable as it is. */
const changed = <A extends object>(value: A, members: { readonly [K in keyof A]?: A[K] | undefined }): A => {
  const different = Object.entries(members).filter(
    ([key, member]) => member !== undefined && member !== value[key as keyof A]
  )
  return different.length === 0 ? value : { ...value, ...Object.fromEntries(different) }
}

type Path = ReadonlyArray<string | number>

/** Almost every value is storable as it is: this walk finds out without a path for each member. */
const isStorable = (value: unknown, levels: number): value is Json => {
  switch (typeof value) {
    case "string":
      return isStorableText(value)
    case "boolean":
    case "bigint":
      return true
    case "number":
      return Number.isFinite(value)
    case "object":
      if (value === null || JSON.isRawJSON(value)) return true
      if (levels <= 0) return false
      if (Array.isArray(value)) return value.every((item) => isStorable(item, levels - 1))
      return (
        isPlain(value) &&
        Object.entries(value).every(([key, member]) => isStorableText(key) && isStorable(member, levels - 1))
      )
    default:
      return false
  }
}

/** Neither a NUL character nor half of a surrogate pair. */
export const isStorableText = (text: string): boolean => text.isWellFormed() && !text.includes("\0")

const clean = (value: unknown, path: Path, notes: Array<string>): Json =>
  isStorable(value, maxResultDepth + 1 - path.length) ? value : cleaned(value, path, notes)

const cleaned = (value: unknown, path: Path, notes: Array<string>): Json => {
  switch (typeof value) {
    case "string":
      return cleanText(value, path, notes)
    case "boolean":
    case "bigint":
      return value
    case "number":
      if (Number.isFinite(value)) return value
      return note(notes, path, `${value} became null`, null)
    case "object":
      if (value === null || JSON.isRawJSON(value)) return value
      if (path.length > maxResultDepth) throw new TooDeep(shown(path))
      return Array.isArray(value) ? cleanArray(value, path, notes) : cleanObject(value, path, notes)
    default:
      return note(notes, path, `${typeof value} became null`, null)
  }
}

const cleanArray = (value: ReadonlyArray<unknown>, path: Path, notes: Array<string>): Json => {
  let copy: Array<Json> | undefined
  for (let i = 0; i < value.length; i++) {
    const item = cleaned(value[i], [...path, i], notes)
    if (item !== value[i]) (copy ??= [...(value as ReadonlyArray<Json>)])[i] = item
  }
  return copy ?? (value as ReadonlyArray<Json>)
}

const cleanObject = (value: object, path: Path, notes: Array<string>): Json => {
  if (!isPlain(value)) {
    const plain: unknown =
      "toJSON" in value && typeof value.toJSON === "function" ? value.toJSON() : { ...value }
    return note(
      notes,
      path,
      `a ${value.constructor?.name ?? "foreign object"} became JSON`,
      clean(plain, path, notes)
    )
  }
  let different = false
  const entries = Object.entries(value).map(([key, member]): readonly [string, Json] => {
    const name = cleanText(key, [...path, key], notes)
    const kept = member === undefined ? undefined : cleaned(member, [...path, key], notes)
    if (name !== key || kept !== member) different = true
    return [name, kept ?? null]
  })
  return different ? Object.fromEntries(entries) : (value as JsonObject)
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const cleanText = (text: string, path: Path, notes: Array<string>): string => {
  if (isStorableText(text)) return text
  return note(
    notes,
    path,
    "NUL characters and lone surrogates became U+FFFD",
    text.toWellFormed().replaceAll("\0", "\ufffd")
  )
}

const note = <A>(notes: Array<string>, path: Path, what: string, value: A): A => {
  notes.push(`${shown(path)}: ${what}`)
  return value
}

/** The steps in the middle of a deep path are left out; the others are whole, so that a secret in a key is masked. */
const shown = (path: Path): string => {
  const steps =
    path.length <= mostSteps ? path : [...path.slice(0, mostSteps / 2), "…", ...path.slice(-mostSteps / 2)]
  return steps
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
    .join("")
    .slice(1)
    .toWellFormed()
    .replaceAll("\0", "\ufffd")
}

const mostSteps = 16
