/** Strings into arrays. */
import type { NativeContext, Natives } from "../machine/Natives.ts"
import { type Parts, pause } from "../language/pause.ts"
import { tooLarge } from "../language/RhaiError.ts"
import { includes, splitBy } from "../language/search.ts"
import { toIndex } from "../language/Integer.ts"
import { charCount, charOf, type Int, sliceChars, type Value } from "../language/Value.ts"
import { textual } from "./strings.ts"

/** Rust's split by nothing gives an empty piece at either end. */
function* pieces(text: string, delimiter: string, { limits }: NativeContext): Parts<Array<string>> {
  if (delimiter !== "") return yield* splitBy(text, delimiter, limits.arrayLength)
  return ["", ...(yield* parted(text, limits.arrayLength, (char) => char)), ""]
}

/** Pieces that are made at once. */
const PART = 4096

function* parted<A>(text: string, most: number, make: (char: string) => A): Parts<Array<A>> {
  if (charCount(text) > most) throw tooLarge("Size of array/BLOB")
  const found: Array<A> = []
  for (const char of text) {
    found.push(make(char))
    if (found.length % PART === 0) yield pause
  }
  return found
}

/** The words of a text. */
function* words(text: string, most: number): Parts<Array<string>> {
  if (text === "") return [""]
  const found: Array<string> = []
  for (const [word] of text.matchAll(/\S+/gu)) {
    found.push(word)
    if (found.length > most) throw tooLarge("Size of array/BLOB")
    if (found.length % PART === 0) yield pause
  }
  return found
}

function* limited(
  text: string,
  delimiter: string,
  limit: number,
  context: NativeContext
): Parts<Array<string>> {
  if (delimiter !== "")
    return yield* splitBy(text, delimiter, Math.min(limit - 1, context.limits.arrayLength))
  const all = yield* pieces(text, delimiter, context)
  if (all.length <= limit) return all
  return [...all.slice(0, limit - 1), all.slice(limit - 1).join(delimiter)]
}

function* limitedReverse(
  text: string,
  delimiter: string,
  limit: number,
  context: NativeContext
): Parts<Array<string>> {
  const all = yield* pieces(text, delimiter, context)
  if (all.length <= limit) return all.reverse()
  const keep = all.length - limit + 1
  return [...all.slice(keep).reverse(), all.slice(0, keep).join(delimiter)]
}

const splitAt = (text: string, index: Int): Array<Value> => {
  const size = charCount(text)
  const at = toIndex(index)
  if (at > 0) return [sliceChars(text, 0, at), sliceChars(text, at, size)]
  return -at > size ? ["", text] : [sliceChars(text, 0, size + at), sliceChars(text, size + at, size)]
}

export const splitting = (natives: Natives): void => {
  natives
    .pure("split(string, int)", ([text, index]) => splitAt(text as string, index as Int))
    .calling("to_chars(string)", false, ([text], { limits }) =>
      parted<Value>(text as string, limits.arrayLength, charOf)
    )
    .calling("split(string)", false, ([text], { limits }) => words(text as string, limits.arrayLength))
  for (const type of ["string", "char"]) {
    const whole = (text: string, by: string): boolean => text === "" || !includes(text, by)
    natives
      .calling(`split(string, ${type})`, false, function* ([text, by], context) {
        if (whole(text as string, textual(by))) return [text]
        return yield* pieces(text as string, textual(by), context)
      })
      .calling(`split(string, ${type}, int)`, false, function* ([text, by, count], context) {
        if ((count as Int) <= 1 || whole(text as string, textual(by))) return [text]
        return yield* limited(text as string, textual(by), toIndex(count as Int), context)
      })
      .calling(`split_rev(string, ${type})`, false, function* ([text, by], context) {
        if (whole(text as string, textual(by))) return [text]
        return (yield* pieces(text as string, textual(by), context)).reverse()
      })
      .calling(`split_rev(string, ${type}, int)`, false, function* ([text, by, count], context) {
        if ((count as Int) <= 1 || whole(text as string, textual(by))) return [text]
        return yield* limitedReverse(text as string, textual(by), toIndex(count as Int), context)
      })
  }
}
