/** What filters, tests and functions get besides their arguments. */
import { type JsonObject, numberOf } from "../domain/Json.ts"
import type { Budget } from "./Budget.ts"
import { evaluation } from "./Fault.ts"
import type { Literals, Value } from "./values.ts"

export interface Engine {
  readonly budget: Budget
  readonly literals: Literals
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Asks for something that is not in the variables. Throws when it is not here yet: the rendering is done again then. */
  readonly demand: (demand: Demand) => Value
}

/** Something a template reads that must be fetched first. */
export type Demand =
  /** A member of a value that was stored elsewhere. `holder` is the object with the reference. */
  | { readonly type: "reference"; readonly holder: JsonObject }
  | { readonly type: "keychain"; readonly name: string }
  | { readonly type: "token"; readonly credential: string; readonly audience: string | undefined }

export interface Args {
  readonly positional: ReadonlyArray<Value>
  readonly named: ReadonlyMap<string, Value>
}

export type Filter = (engine: Engine, value: Value, args: Args) => Value
export type Predicate = (engine: Engine, value: Value, args: Args) => boolean

export const noArgs: Args = { positional: [], named: new Map() }

/** An argument by its place or its name. */
export const argument = (args: Args, index: number, name: string): Value =>
  index < args.positional.length ? args.positional[index] : args.named.get(name)

export const given = (args: Args, index: number, name: string): boolean =>
  index < args.positional.length || args.named.has(name)

export const textArgument = (args: Args, index: number, name: string): string => {
  const value = argument(args, index, name)
  if (typeof value !== "string") throw evaluation(`the argument '${name}' is not text`)
  return value
}

export const numberArgument = (args: Args, index: number, name: string, otherwise: number): number => {
  const value = numberOf(argument(args, index, name) ?? otherwise)
  if (value === undefined) throw evaluation(`the argument '${name}' is not a number`)
  return value
}
