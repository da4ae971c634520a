/** Strings into arrays. */
import type { NativeContext, Natives } from "../machine/Natives.ts"
import { type Parts, pause } from "../language/pause.ts"
import { tooLarge } from "../language/RhaiError.ts"
import { includes, splitBy } from "../language/search.ts"
import { toIndex } from "../language/Integer.ts"
import { charCount, charOf, type Int, sliceChars, type Value } from "../language/Value.ts"
import { textual } from "./strings.ts"

/** Rust's split by nothing gives an empty piece at either end. */
const pieces = (text: string, delimiter: string, { limits }: NativeContext): Array<string> => {
  if (delimiter !== "") return splitBy(text, delimiter, limits.arrayLength)
  return ["", ...charsOf(text, limits.arrayLength), ""]
}

const charsOf = (text: string, most: number): Array<string> => {
  if (charCount(text) > most) throw tooLarge("Size of array/BLOB")
  return Array.from(text)
}

function* characters(text: string, { limits }: NativeContext): Parts<Value> {
  if (charCount(text) > limits.arrayLength) throw tooLarge("Size of array/BLOB")
  const found: Array<Value> = []
  for (const char of text) {
    found.push(charOf(char))
    if (found.length % 4096 === 0) yield pause
  }
  return found
}

const limited = (text: string, delimiter: string, limit: number, context: NativeContext): Array<string> => {
  if (delimiter !== "") return splitBy(text, delimiter, Math.min(limit - 1, context.limits.arrayLength))
  const all = pieces(text, delimiter, context)
  if (all.length <= limit) return all
  return [...all.slice(0, limit - 1), all.slice(limit - 1).join(delimiter)]
}

const limitedReverse = (
  text: string,
  delimiter: string,
  limit: number,
  context: NativeContext
): Array<string> => {
  const all = pieces(text, delimiter, context)
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
    .calling("to_chars(string)", false, ([text], context) => characters(text as string, context))
    .pure("split(string)", ([text], { limits }) =>
      text === ""
        ? [""]
        : (text as string).split(/\s+/u, limits.arrayLength + 3).filter((piece) => piece !== "")
    )
  for (const type of ["string", "char"]) {
    const whole = (text: string, by: string): boolean => text === "" || !includes(text, by)
    natives
      .pure(`split(string, ${type})`, ([text, by], context) =>
        whole(text as string, textual(by)) ? [text] : pieces(text as string, textual(by), context)
      )
      .pure(`split(string, ${type}, int)`, ([text, by, count], context) =>
        (count as Int) <= 1 || whole(text as string, textual(by))
          ? [text]
          : limited(text as string, textual(by), toIndex(count as Int), context)
      )
      .pure(`split_rev(string, ${type})`, ([text, by], context) =>
        whole(text as string, textual(by)) ? [text] : pieces(text as string, textual(by), context).reverse()
      )
      .pure(`split_rev(string, ${type}, int)`, ([text, by, count], context) =>
        (count as Int) <= 1 || whole(text as string, textual(by))
          ? [text]
          : limitedReverse(text as string, textual(by), toIndex(count as Int), context)
      )
  }
}
