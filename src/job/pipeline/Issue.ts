/** Something wrong in how a pipeline is written, with its place. */
import { Result } from "effect"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"

export interface Issue {
  readonly at: string
  readonly problem: string
}

export type Checked<A> = Result.Result<A, Issue>

export const wrong = (at: string, problem: string): Checked<never> => Result.fail({ at, problem })

export const under = (at: string, key: string): string => (at === "" ? key : `${at}.${key}`)

/** A mapping, or nothing where nothing was written. */
export const mappingAt = (value: Json | undefined, at: string): Checked<JsonObject> => {
  if (value === undefined || value === null) return Result.succeed({})
  return isObject(value) ? Result.succeed(value) : wrong(at, "expected a mapping")
}

export const listAt = (value: Json | undefined, at: string): Checked<ReadonlyArray<Json>> => {
  if (value === undefined || value === null) return Result.succeed([])
  return Array.isArray(value) ? Result.succeed(value as ReadonlyArray<Json>) : wrong(at, "expected a list")
}
