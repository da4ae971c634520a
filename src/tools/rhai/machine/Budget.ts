/** What a running script may still use: work, time and memory. */
import { Blob, lengthOf, type RhaiArray, type RhaiMap, type Value } from "../language/Value.ts"
import type { Position } from "../language/Position.ts"
import { RhaiError, tooLarge } from "../language/RhaiError.ts"
import type { Limits } from "./Limits.ts"
import { sizeOf } from "./memory.ts"
import { textWeight, weightOf } from "./weight.ts"

/** Units of work between two readings of the clock and the limits. */
const READING = 2000

/** A slice ends after so many units or milliseconds, whichever comes first. */
const SLICE = 20_000
const SLICE_MILLIS = 4

/** Bytes made before it is worth counting what is alive. */
const MEASURE = 4 * 1024 * 1024

export abstract class Budget {
  protected fuel: number
  private spent: number
  private readonly started: number
  private sliceStarted: number
  private sliceSpent = 0
  private made = 0
  private measureAt = MEASURE
  readonly limits: Limits
  readonly now: () => number

  constructor(limits: Limits, now: () => number) {
    this.limits = limits
    this.now = now
    this.started = now()
    this.sliceStarted = this.started
    this.fuel = Math.min(READING, limits.operations)
    this.spent = this.fuel
  }

  protected abstract position(): Position
  /** Everything that the script's variables hold. */
  protected abstract alive(): Iterable<unknown>

  /** Instructions run so far. */
  get operations(): number {
    return this.spent - Math.max(0, this.fuel)
  }

  /** Reads the limits and the clock; true when the slice is over and others should have their turn. */
  protected refuel(): boolean {
    const { limits } = this
    this.spent -= this.fuel
    if (this.spent >= limits.operations)
      throw new RhaiError("ErrorTooManyOperations", "Too many operations", this.position())
    this.checkTime()
    this.fuel = Math.min(READING, limits.operations - this.spent)
    this.spent += this.fuel
    if (this.made > this.measureAt) this.measure()
    return this.sliceIsOver()
  }

  private sliceIsOver(): boolean {
    const now = this.now()
    if (this.spent - this.sliceSpent < SLICE && now - this.sliceStarted < SLICE_MILLIS) return false
    this.sliceSpent = this.spent
    this.sliceStarted = now
    return true
  }

  /** Whether others have waited long enough for their turn. */
  protected get isSliceOver(): boolean {
    return this.fuel < 0 || this.now() - this.sliceStarted >= SLICE_MILLIS
  }

  /** Called when the script goes on after others had their turn. */
  protected sliceBegins(): void {
    this.sliceStarted = this.now()
  }

  /** Milliseconds of the script's time that are left. */
  get remaining(): number {
    return this.limits.wallClock - (this.now() - this.started)
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
    for (const value of this.alive()) {
      total += sizeOf(value, this.limits.memory, seen)
      if (total > this.limits.memory) break
    }
    this.fuel -= total >> 8
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
    this.fuel -= (length - before) >> (typeof value === "string" ? 6 : 2)
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

  /** Two operands, as far as the operator goes through them. */
  protected chargeOperands(op: string, x: Value, y: Value): void {
    if (typeof x === "string" && typeof y === "string") {
      // Joined text shares its parts, and text of another length is not the same
      const free = op === "+" || ((op === "==" || op === "!=") && x.length !== y.length)
      if (!free) this.fuel -= textWeight(x) + textWeight(y)
    } else if (typeof x === "object" || typeof y === "object") this.fuel -= weightOf(x) + weightOf(y)
  }

  protected chargeIndex(value: Value, index: Value): void {
    if (typeof value === "string") this.fuel -= textWeight(value)
    if (typeof index === "string") this.fuel -= textWeight(index)
  }

  protected checked(value: Value): Value {
    if (typeof value === "string") return this.checkString(value)
    if (typeof value !== "object") return value
    if (Array.isArray(value)) this.checkArray(value.length)
    else if (value instanceof Map) this.checkMap(value.size)
    else if (value instanceof Blob) this.checkArray(value.bytes.length)
    return value
  }

  /** A copy of a container for the code that takes it out of a variable; the work counts as operations. */
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
}
