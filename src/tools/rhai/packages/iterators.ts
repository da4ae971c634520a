/** `range(…)`, `chars(…)` and the properties of ranges. */
import { add } from "../language/Integer.ts"
import type { Natives } from "../machine/Natives.ts"
import { arithmeticError, RhaiError } from "../language/RhaiError.ts"
import {
  charCount,
  charOf,
  Float,
  type Int,
  Range,
  Sequence,
  sliceChars,
  type Value
} from "../language/Value.ts"
import { startAndLength } from "./indexes.ts"
import { toIndex } from "../language/Integer.ts"

const zeroStep = (): RhaiError => {
  const error = arithmeticError("step value cannot be zero")
  error.calls.push({ name: "range", anonymous: false, source: "", position: 0 })
  return error
}

/** From, towards to, by step; empty when the step leads away. */
const stepped = (from: Int, to: Int, step: Int): Sequence => {
  if (step === 0) throw zeroStep()
  const up = from < to && step > 0
  const down = from > to && step < 0
  return new Sequence("rhai::packages::iter_basic::StepRange<i64>", function* () {
    if (!up && !down) return
    for (let at = from; up ? at < to : at > to;) {
      let next: Int
      try {
        next = add(at, step)
      } catch {
        // The last step would leave the integers, and the value before it is not given either
        return
      }
      yield at
      at = next
    }
  })
}

const steppedFloat = (from: number, to: number, step: number): Sequence => {
  if (from + step === from) throw zeroStep()
  const up = from < to && step > 0
  const down = from > to && step < 0
  return new Sequence("rhai::packages::iter_basic::StepRange<f64>", function* () {
    if (up || down) for (let at = from; up ? at < to : at > to; at += step) yield new Float(at)
  })
}

const chars = (text: string, from: Int, length: Int): Sequence => {
  const start = from < 0 ? Math.max(0, charCount(text) + toIndex(from)) : toIndex(from)
  const part = length <= 0 ? "" : sliceChars(text, start, start + toIndex(length))
  return new Sequence("rhai::packages::iter_basic::CharsStream", function* () {
    for (const char of part) yield charOf(char)
  })
}

export const iterators = (natives: Natives): void => {
  const int = (value: Value): Int => value as Int
  const float = (value: Value): number => (value as Float).value
  natives
    .pure("range(int, int)", ([from, to]) => new Range(int(from), int(to), false))
    .pure("range(int, int, int)", ([from, to, step]) => stepped(int(from), int(to), int(step)))
    .pure("range(range, int)", ([range, step]) =>
      stepped((range as Range).start, (range as Range).end, int(step))
    )
    .pure("range(float, float, float)", ([from, to, step]) =>
      steppedFloat(float(from), float(to), float(step))
    )
    .pure("chars(string)", ([text]) => chars(text as string, 0, Infinity))
    .pure("chars(string, int)", ([text, from]) => chars(text as string, int(from), Infinity))
    .pure("chars(string, int, int)", ([text, from, length]) => chars(text as string, int(from), int(length)))
    .property("chars", "string", (text: string) => chars(text, 0, Infinity))
  for (const type of ["range", "range="])
    natives
      .pure(`chars(string, ${type})`, ([text, range]) =>
        chars(text as string, ...startAndLength(range as Range))
      )
      .property("start", type, (range: Range) => range.start)
      .property("end", type, (range: Range) => range.end)
      .property("is_inclusive", type, (range: Range) => range.inclusive)
      .property("is_exclusive", type, (range: Range) => !range.inclusive)
      .property("is_empty", type, (range: Range) =>
        range.inclusive ? range.start > range.end : range.start >= range.end
      )
      .method(`contains(${type}, int)`, ([range, value]) => within(range as Range, int(value)))
}

const within = (range: Range, value: Int): boolean =>
  value >= range.start && (range.inclusive ? value <= range.end : value < range.end)
