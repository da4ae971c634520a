/** What a running script consists of: its stack, its calls, and what it has used of its limits. */
import type { FunctionCode, Unit, VisibleName } from "../language/Code.ts"
import type { Limits } from "./Limits.ts"
import { sizeOf } from "./memory.ts"
import type { Callback, HostRequest, NativeContext, Natives } from "./Natives.ts"
import type { Position } from "../language/Position.ts"
import { NONE } from "../language/Position.ts"
import type { Reference } from "./Reference.ts"
import { RhaiError, tooLarge } from "../language/RhaiError.ts"
import { Blob, type FnPtr, lengthOf, type RhaiArray, type RhaiMap, type Value } from "../language/Value.ts"

/** A module a script may import by name: a script of its own. */
export interface Module {
  readonly name: string
  readonly variables: ReadonlyMap<string, Value>
  readonly functions: ReadonlyMap<string, FunctionCode>
}

export interface MachineOptions {
  readonly limits: Limits
  readonly natives: Natives
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  readonly print: (text: string, position: Position) => void
  readonly debug: (text: string, position: Position) => void
  readonly importModule: (name: string) => Module | undefined
  /** Compiles the text of an `eval`. */
  readonly evaluate: (text: string, unit: Unit) => Unit
}

export interface Handler {
  readonly pc: number
  readonly depth: number
}

/** The scope a piece of code was called in, when it may see it. */
export interface Outer {
  readonly visible: ReadonlyArray<VisibleName>
  readonly frame: Frame
}

export class Frame {
  pc = 0
  readonly code: FunctionCode
  readonly base: number
  /** Where the result goes on the caller's stack. */
  readonly result: number
  readonly self: Reference | undefined
  /** Where it was called from. */
  readonly position: Position
  handlers: Array<Handler> | undefined = undefined
  outer: Outer | undefined = undefined
  /** Variables an `eval` in this frame has made. */
  extra: Map<string, Value> | undefined = undefined
  /** In the frame of a native function that calls back: the rest of its work. */
  work: Generator<Callback, Value, Value> | undefined = undefined
  /** Whom errors of the call it waits for should name. */
  caller: string | undefined = undefined
  readonly imports: number

  constructor(
    code: FunctionCode,
    base: number,
    result: number,
    self: Reference | undefined,
    position: Position,
    imports: number
  ) {
    this.code = code
    this.base = base
    this.result = result
    this.self = self
    this.position = position
    this.imports = imports
  }
}

/** Instructions between two looks at the clock. */
const SLICE = 20_000

/** Bytes made before it is worth counting what is alive. */
const MEASURE = 4 * 1024 * 1024

export abstract class MachineState implements NativeContext {
  protected readonly stack: Array<unknown> = []
  protected sp = 0
  protected readonly frames: Array<Frame> = []
  /** The instruction being run, for the place of an error. */
  protected at = 0
  protected fuel = 0
  private spent = 0
  private readonly started: number
  private made = 0
  private measureAt = MEASURE
  self: Value = undefined
  readonly limits: Limits
  protected readonly options: MachineOptions
  protected readonly natives: Natives
  protected readonly imports: Array<{ readonly alias: string; readonly module: Module }> = []
  protected modulesLoaded = 0
  protected readonly globals = new Map<string, Value>()
  protected readonly exports: Array<{ readonly name: string; readonly slot: number }> = []
  protected waiting: { readonly request: HostRequest; readonly result: number } | undefined = undefined

  constructor(options: MachineOptions) {
    this.options = options
    this.limits = options.limits
    this.natives = options.natives
    this.started = options.now()
    this.fuel = Math.min(SLICE, options.limits.operations)
    this.spent = this.fuel
  }

  /** Instructions run so far. */
  get operations(): number {
    return this.spent - Math.max(0, this.fuel)
  }

  protected get frame(): Frame {
    return this.frames[this.frames.length - 1]!
  }

  /** The place of the instruction being run. */
  protected position(): Position {
    const frame = this.frames.at(-1)
    return frame === undefined ? NONE : (frame.code.positions[this.at] ?? NONE)
  }

  callPosition(): Position {
    const frame = this.frames.at(-1)
    return frame?.work === undefined ? this.position() : frame.position
  }

  protected indexPosition(): Position {
    return this.frame.code.indexPositions[this.at] ?? NONE
  }

  /** At the end of a slice: limits are looked at, and the next slice begins. */
  protected refuel(): void {
    const { limits } = this
    this.spent -= this.fuel
    if (this.spent >= limits.operations)
      throw new RhaiError("ErrorTooManyOperations", "Too many operations", this.position())
    this.checkTime()
    this.fuel = Math.min(SLICE, limits.operations - this.spent)
    this.spent += this.fuel
    if (this.made > this.measureAt) this.measure()
  }

  /** Milliseconds of the script's time that are left. */
  get remaining(): number {
    return this.limits.wallClock - (this.options.now() - this.started)
  }

  /** Throws when the script has had its time. */
  checkTime(): void {
    if (this.remaining < 0)
      throw new RhaiError("ErrorTerminated", "Script terminated", this.position(), { token: "time limit" })
  }

  private measure(): void {
    this.made = 0
    let total = 0
    const seen = new Set<object>()
    for (let i = 0; i < this.sp && total <= this.limits.memory; i++)
      total += sizeOf(this.stack[i], this.limits.memory, seen)
    if (total > this.limits.memory) throw tooLarge("Total memory", this.position())
    // Looking costs as much as what there is, so it has to be earned
    this.measureAt = Math.max(MEASURE, total >> 1)
  }

  charge(operations: number): void {
    this.fuel -= operations
  }

  /** Counts bytes a script has made, dead or alive; enough of them cause a look at what lives. */
  protected grow(bytes: number): void {
    this.made += bytes
    // A single huge step must not wait for the end of the slice
    if (this.made > this.limits.memory) this.measure()
  }

  checkString(text: string): string {
    if (text.length > this.limits.stringLength) throw tooLarge("Length of string", this.position())
    this.grow(text.length)
    return text
  }

  checkArray(length: number): void {
    if (length > this.limits.arrayLength) throw tooLarge("Size of array/BLOB", this.position())
    this.grow(length * 16)
  }

  checkMap(size: number): void {
    if (size > this.limits.mapSize) throw tooLarge("Size of object map", this.position())
    this.grow(size * 64)
  }

  /** After a change in place: only what is new counts as made. */
  protected checkGrowth(value: Value, before: number): void {
    const length = lengthOf(value)
    if (length <= before) return
    if (typeof value === "string") {
      if (length > this.limits.stringLength) throw tooLarge("Length of string", this.position())
      this.grow(length - before)
    } else if (value instanceof Map) {
      if (length > this.limits.mapSize) throw tooLarge("Size of object map", this.position())
      this.grow((length - before) * 64)
    } else {
      if (length > this.limits.arrayLength) throw tooLarge("Size of array/BLOB", this.position())
      this.grow((length - before) * 16)
    }
  }

  protected checked(value: Value): Value {
    if (typeof value === "string") return this.checkString(value)
    if (typeof value !== "object") return value
    if (Array.isArray(value)) this.checkArray(value.length)
    else if (value instanceof Map) this.checkMap(value.size)
    else if (value instanceof Blob) this.checkArray(value.bytes.length)
    return value
  }

  /** A container of its own for whoever takes a value out of a variable; the work counts as operations. */
  protected copied(value: Value): Value {
    if (typeof value !== "object") return value
    if (Array.isArray(value)) return this.copiedArray(value)
    if (value instanceof Map) return this.copiedMap(value)
    if (!(value instanceof Blob)) return value
    this.grow(value.bytes.length * 8)
    this.fuel -= value.bytes.length >> 4
    return new Blob(value.bytes.slice())
  }

  private copiedArray(items: RhaiArray): RhaiArray {
    this.grow(items.length * 16)
    this.fuel -= items.length >> 3
    const result = items.slice()
    for (let i = 0; i < result.length; i++) {
      const item = result[i]
      if (typeof item === "object") {
        result[i] = this.copied(item)
        this.fuel--
      }
    }
    return result
  }

  private copiedMap(map: RhaiMap): RhaiMap {
    this.grow(map.size * 64)
    this.fuel -= map.size
    const result = new Map<string, Value>()
    for (const [key, item] of map) result.set(key, this.copied(item))
    return result
  }

  print(text: string): void {
    this.options.print(text, this.position())
  }

  debug(text: string): void {
    this.options.debug(text, this.position())
  }

  now(): number {
    return this.options.now()
  }

  abstract accepts(pointer: FnPtr, args: ReadonlyArray<Value>, self: Reference | undefined): boolean
  abstract isDefined(name: string, arity: number, thisType?: string): boolean
  abstract functions(): Iterable<FunctionCode>
}
