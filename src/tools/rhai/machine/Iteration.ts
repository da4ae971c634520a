/** What a `for` loop goes through. */
import { add, MAX } from "../language/Integer.ts"
import { Blob, charOf, Custom, type Int, Range, Sequence, type Value } from "../language/Value.ts"

export abstract class Iteration {
  value: Value = undefined
  count = -1
  /** Moves on; false at the end. */
  abstract next(): boolean
}

class RangeIteration extends Iteration {
  private at: Int
  private readonly end: Int
  private readonly inclusive: boolean
  constructor(range: Range) {
    super()
    this.at = range.start
    this.end = range.end
    this.inclusive = range.inclusive
  }
  next(): boolean {
    const { at } = this
    if (this.inclusive ? at > this.end : at >= this.end) return false
    this.value = at
    this.count++
    // The largest integer has no successor: the range ends with it
    this.at = at === MAX ? MAX + 1n : typeof at === "number" && at < 9e15 ? at + 1 : add(at, 1)
    return true
  }
}

class ListIteration extends Iteration {
  private readonly items: ReadonlyArray<Value>
  constructor(items: ReadonlyArray<Value>) {
    super()
    this.items = items
  }
  next(): boolean {
    if (++this.count >= this.items.length) return false
    this.value = this.items[this.count]
    return true
  }
}

class TextIteration extends Iteration {
  private readonly chars: Iterator<string>
  constructor(text: string) {
    super()
    this.chars = text[Symbol.iterator]()
  }
  next(): boolean {
    const next = this.chars.next()
    if (next.done === true) return false
    this.count++
    this.value = charOf(next.value)
    return true
  }
}

class SequenceIteration extends Iteration {
  private readonly items: Iterator<Value>
  constructor(items: Iterator<Value>) {
    super()
    this.items = items
  }
  next(): boolean {
    const next = this.items.next()
    if (next.done === true) return false
    this.count++
    this.value = next.value
    return true
  }
}

export const iterationOf = (value: Value): Iteration | undefined => {
  if (Array.isArray(value)) return new ListIteration(value)
  if (value instanceof Range) return new RangeIteration(value)
  if (typeof value === "string") return new TextIteration(value)
  if (value instanceof Blob) return new ListIteration(value.bytes)
  if (value instanceof Sequence) return new SequenceIteration(value.make())
  return value instanceof Custom && value.text !== undefined ? new TextIteration(value.text) : undefined
}
