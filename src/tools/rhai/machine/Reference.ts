/** Places a script can write to: a variable, an element, a property, a character, a bit. */
import { bitAnd, bitOr, fromBits, shiftLeft } from "../language/Integer.ts"
import { mismatch } from "../language/RhaiError.ts"
import {
  type Blob,
  Char,
  charAt,
  charOf,
  type Int,
  rawTypeName,
  type RhaiArray,
  type RhaiMap,
  Shared,
  sliceChars,
  type Value
} from "../language/Value.ts"

export abstract class Reference {
  /** Nothing under a constant can be changed. */
  readonly isConst: boolean
  constructor(isConst = false) {
    this.isConst = isConst
  }
  /** The value itself, not a copy. */
  abstract get(): Value
  abstract set(value: Value): void
}

export class SlotReference extends Reference {
  private readonly stack: Array<unknown>
  private readonly index: number
  constructor(stack: Array<unknown>, index: number, isConst: boolean) {
    super(isConst)
    this.stack = stack
    this.index = index
  }
  /** The cell, where a closure has captured the variable. */
  get cell(): Shared | undefined {
    const held = this.stack[this.index]
    return held instanceof Shared ? held : undefined
  }
  get(): Value {
    const value = this.stack[this.index]
    return value instanceof Shared ? value.value : (value as Value)
  }
  set(value: Value): void {
    const current = this.stack[this.index]
    if (current instanceof Shared) current.value = value
    else this.stack[this.index] = value
  }
}

/** A value that came out of a computation: changes to it are lost. */
export class ValueReference extends Reference {
  private value: Value
  constructor(value: Value, isConst = false) {
    super(isConst)
    this.value = value
  }
  get(): Value {
    return this.value
  }
  set(value: Value): void {
    this.value = value
  }
}

export class ElementReference extends Reference {
  private readonly array: RhaiArray
  private readonly index: number
  constructor(array: RhaiArray, index: number, isConst: boolean) {
    super(isConst)
    this.array = array
    this.index = index
  }
  get(): Value {
    return this.array[this.index]
  }
  set(value: Value): void {
    this.array[this.index] = value
  }
}

export class PropertyReference extends Reference {
  private readonly map: RhaiMap
  private readonly key: string
  constructor(map: RhaiMap, key: string, isConst: boolean) {
    super(isConst)
    this.map = map
    this.key = key
  }
  get(): Value {
    return this.map.get(this.key)
  }
  set(value: Value): void {
    this.map.set(this.key, value)
  }
}

export class ByteReference extends Reference {
  private readonly blob: Blob
  private readonly index: number
  constructor(blob: Blob, index: number, isConst: boolean) {
    super(isConst)
    this.blob = blob
    this.index = index
  }
  get(): Value {
    return this.blob.bytes[this.index]!
  }
  set(value: Value): void {
    this.blob.bytes[this.index] = Number(BigInt.asUintN(8, BigInt(integer(value, "INT"))))
  }
}

const integer = (value: Value, wanted: string): Int => {
  if (typeof value === "number" || typeof value === "bigint") return value
  throw mismatch(wanted, rawTypeName(value))
}

/** A place inside of what another reference leads to: reading and writing go through that one. */
abstract class PartReference extends Reference {
  protected readonly whole: Reference
  constructor(whole: Reference) {
    super(whole.isConst)
    this.whole = whole
  }
}

export class CharReference extends PartReference {
  private readonly index: number
  constructor(whole: Reference, index: number) {
    super(whole)
    this.index = index
  }
  get(): Value {
    return charOf(charAt(this.whole.get() as string, this.index)!)
  }
  set(value: Value): void {
    if (!(value instanceof Char)) throw mismatch("char", rawTypeName(value))
    const text = this.whole.get() as string
    this.whole.set(sliceChars(text, 0, this.index) + value.text + sliceChars(text, this.index + 1, Infinity))
  }
}

export class SliceReference extends PartReference {
  private readonly from: number
  private readonly to: number
  constructor(whole: Reference, from: number, to: number) {
    super(whole)
    this.from = from
    this.to = to
  }
  get(): Value {
    return sliceChars(this.whole.get() as string, this.from, this.to)
  }
  set(value: Value): void {
    const text = this.whole.get() as string
    const middle = typeof value === "string" ? value : value instanceof Char ? value.text : undefined
    if (middle === undefined) throw mismatch("string", rawTypeName(value))
    this.whole.set(
      sliceChars(text, 0, this.from) + middle + sliceChars(text, Math.max(this.from, this.to), Infinity)
    )
  }
}

export class BitReference extends PartReference {
  private readonly bit: number
  constructor(whole: Reference, bit: number) {
    super(whole)
    this.bit = bit
  }
  get(): Value {
    return bitAnd(this.whole.get() as Int, shiftLeft(1, this.bit)) !== 0
  }
  set(value: Value): void {
    if (typeof value !== "boolean") throw mismatch("bool", rawTypeName(value))
    this.whole.set(withBits(this.whole.get() as Int, 1n << BigInt(this.bit), value ? -1n : 0n))
  }
}

/** `number[from..to]`: some neighbouring bits as an integer. */
export class BitsReference extends PartReference {
  private readonly mask: bigint
  private readonly shift: number
  constructor(whole: Reference, mask: bigint, shift: number) {
    super(whole)
    this.mask = mask
    this.shift = shift
  }
  get(): Value {
    return fromBits(BigInt.asIntN(64, BigInt(this.whole.get() as Int) & this.mask) >> BigInt(this.shift))
  }
  set(value: Value): void {
    const shifted = BigInt(integer(value, "integer")) << BigInt(this.shift)
    this.whole.set(withBits(this.whole.get() as Int, this.mask, shifted))
  }
}

const withBits = (value: Int, mask: bigint, bits: bigint): Int =>
  bitOr(bitAnd(value, fromBits(~mask)), fromBits(bits & mask))
