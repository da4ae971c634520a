/** The functions scripts can call that are not written in Rhai, found by name, number of arguments and their types. */
import type { Effect } from "effect"
import type { pause } from "../language/pause.ts"
import type { Limits } from "./Limits.ts"
import type { Position } from "../language/Position.ts"
import type { Reference } from "./Reference.ts"
import type { RhaiError } from "../language/RhaiError.ts"
import type { FunctionCode } from "../language/Code.ts"
import { Custom, type FnPtr, T, tagOf, type TypeTag, type Value } from "../language/Value.ts"

/** What a native function may ask of the machine that runs it. */
export interface NativeContext {
  /** The first argument; a function that changes it puts the new value here. */
  self: Value
  readonly limits: Limits
  /** Counts work done inside the function against the script's operations. */
  charge(operations: number): void
  /** Where the function was called. */
  callPosition(): Position
  checkString(text: string): string
  checkArray(length: number): void
  print(text: string): void
  debug(text: string): void
  /** Milliseconds of a clock that only goes forward. */
  now(): number
  /** Whether calling the pointer with so many arguments (and perhaps an object) finds a function. */
  accepts(pointer: FnPtr, args: ReadonlyArray<Value>, self: Reference | undefined): boolean
  isDefined(name: string, arity: number, thisType?: string): boolean
  functions(): Iterable<FunctionCode>
}

/** A native function's wish to have a function pointer called. */
export interface Callback {
  /** Whose callback it is, when its errors should say so. */
  readonly caller: string | undefined
  readonly pointer: FnPtr
  readonly self: Reference | undefined
  readonly args: ReadonlyArray<Value>
}

/** The work of a native function in parts: calls it wants made, and places where it may be interrupted. */
export type Work = Generator<Callback | typeof pause, Value, Value>

/** Work for the host: the script waits for its answer. The machine itself does not run it. */
export class HostRequest {
  readonly work: Effect.Effect<Value, RhaiError>
  constructor(work: Effect.Effect<Value, RhaiError>) {
    this.work = work
  }
}

export type Args = ReadonlyArray<Value>

/** What a function answers with: a value, work that calls back into the script, or work for the host. */
export type NativeResult = Value | Work | HostRequest

export interface Native {
  readonly name: string
  readonly params: ReadonlyArray<TypeTag>
  readonly run: (args: Args, context: NativeContext) => NativeResult
  /** Changes its first argument: not for constants. */
  readonly mutates: boolean
  /** Answers at once, or with work to be done first. */
  readonly kind: "value" | "callbacks" | "host"
  readonly cost: Cost
}

/**
 * What a function is charged for, next to its result: all of its arguments, unless it promises to move its first one
 * without looking inside (`shallow`), or to take the same time however large that is (`constant`).
 */
export type Cost = "all" | "shallow" | "constant"

type Getter = (value: Value) => Value

const types: Readonly<Record<string, TypeTag>> = {
  any: T.any,
  unit: T.unit,
  bool: T.bool,
  int: T.int,
  float: T.float,
  char: T.char,
  string: T.string,
  array: T.array,
  map: T.map,
  blob: T.blob,
  fn: T.fn,
  range: T.range,
  "range=": T.inclusive,
  timestamp: T.timestamp,
  custom: T.custom
}

/** A table of native functions. */
export class Natives {
  private readonly byKey = new Map<string, Array<Native>>()
  private readonly getters = new Map<string, Array<[TypeTag, Getter]>>()

  /** A table that starts with everything of another one. */
  static extending(base: Natives): Natives {
    const natives = new Natives()
    for (const [key, list] of base.byKey) natives.byKey.set(key, [...list])
    for (const [key, list] of base.getters) natives.getters.set(key, [...list])
    return natives
  }

  private register(
    signature: string,
    mutates: boolean,
    run: Native["run"],
    kind: Native["kind"] = "value",
    cost: Cost = "all"
  ): void {
    // `name(a, b)`; the same function under several names is written `name|other(a, b)`
    const open = signature.indexOf("(")
    const params = signature
      .slice(open + 1, -1)
      .split(",")
      .map((text) => text.trim())
      .filter((text) => text !== "")
      .map((text) => {
        const tag = types[text]
        if (tag === undefined) throw new TypeError(`unknown type ${text} in ${signature}`)
        return tag
      })
    for (const name of signature.slice(0, open).split("|")) {
      const key = `${name}/${params.length}`
      const list = this.byKey.get(key) ?? []
      const same = list.findIndex((native) => native.params.every((tag, i) => tag === params[i]))
      if (same >= 0) list.splice(same, 1)
      list.push({ name, params, run, mutates, kind, cost })
      // Exact types before `any`
      list.sort((a, b) => wildcards(a) - wildcards(b))
      this.byKey.set(key, list)
    }
  }

  /** A function that leaves its arguments as they are. */
  pure(signature: string, run: Native["run"], cost?: Cost): this {
    this.register(signature, false, run, "value", cost)
    return this
  }

  /** A method that changes what it is called on. */
  method(signature: string, run: Native["run"], cost?: Cost): this {
    this.register(signature, true, run, "value", cost)
    return this
  }

  /** A function that calls back into the script: a generator of the calls it wants made. */
  calling(signature: string, mutates: boolean, run: (args: Args, context: NativeContext) => Work): this {
    this.register(signature, mutates, run, "callbacks")
    return this
  }

  /** A function whose answer the host brings later, while the script waits. */
  host(signature: string, run: (args: Args, context: NativeContext) => HostRequest): this {
    this.register(signature, false, run, "host")
    return this
  }

  /** A property, such as `len`, that can also be called as a function. */
  property(name: string, type: string, get: (value: never) => Value, cost?: Cost): this {
    const getter = get as unknown as Getter
    this.getters.set(name, [...(this.getters.get(name) ?? []), [types[type]!, getter]])
    return this.pure(`${name}(${type})`, ([value]) => getter(value), cost)
  }

  getter(name: string, value: Value): Getter | undefined {
    const tag = tagOf(value)
    return this.getters.get(name)?.find(([type]) => type === tag)?.[1]
  }

  find(name: string, args: Args): Native | undefined {
    const list = this.byKey.get(`${name}/${args.length}`)
    if (list === undefined) return undefined
    for (const native of list) if (matches(native.params, args)) return native
    return undefined
  }

  /** Whether some function of that name takes so many arguments. */
  has(name: string, arity: number): boolean {
    return this.byKey.has(`${name}/${arity}`)
  }

  /** Every function with its types. */
  *all(): Iterable<Native> {
    for (const list of this.byKey.values()) yield* list
  }

  names(): ReadonlySet<string> {
    return new Set([...this.byKey.keys()].map((key) => key.slice(0, key.lastIndexOf("/"))))
  }
}

const wildcards = (native: Native): number => native.params.filter((tag) => tag === T.any).length

const matches = (params: ReadonlyArray<TypeTag>, args: Args): boolean => {
  for (let i = 0; i < params.length; i++) {
    const wanted = params[i]!
    if (wanted !== T.any && wanted !== tagOf(args[i])) return false
  }
  return true
}

/** Host values that have a text stand in for strings where no function takes them as they are. */
export const asText = (args: Args): Args | undefined =>
  args.some((arg) => arg instanceof Custom && arg.text !== undefined)
    ? args.map((arg) => (arg instanceof Custom && arg.text !== undefined ? arg.text : arg))
    : undefined
