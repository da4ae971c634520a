/** Strings into arrays. */
import type { Natives } from "../machine/Natives.ts"
import { toIndex } from "../language/Integer.ts"
import { charCount, charOf, type Int, sliceChars, type Value } from "../language/Value.ts"
import { textual } from "./strings.ts"

/** Rust's split by nothing gives an empty piece at either end. */
const pieces = (text: string, delimiter: string): Array<string> =>
  delimiter === "" ? ["", ...Array.from(text), ""] : text.split(delimiter)

const limited = (text: string, delimiter: string, limit: number): Array<string> => {
  const all = pieces(text, delimiter)
  if (all.length <= limit) return all
  return [...all.slice(0, limit - 1), all.slice(limit - 1).join(delimiter)]
}

const limitedReverse = (text: string, delimiter: string, limit: number): Array<string> => {
  const all = pieces(text, delimiter)
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
    .pure("to_chars(string)", ([text]) => Array.from(text as string, charOf))
    .pure("split(string)", ([text]) =>
      text === "" ? [""] : (text as string).split(/\s+/u).filter((piece) => piece !== "")
    )
  for (const type of ["string", "char"]) {
    const whole = (text: string, by: string): boolean => text === "" || !text.includes(by)
    natives
      .pure(`split(string, ${type})`, ([text, by]) =>
        whole(text as string, textual(by)) ? [text] : pieces(text as string, textual(by))
      )
      .pure(`split(string, ${type}, int)`, ([text, by, count]) =>
        (count as Int) <= 1 || whole(text as string, textual(by))
          ? [text]
          : limited(text as string, textual(by), toIndex(count as Int))
      )
      .pure(`split_rev(string, ${type})`, ([text, by]) =>
        whole(text as string, textual(by)) ? [text] : pieces(text as string, textual(by)).reverse()
      )
      .pure(`split_rev(string, ${type}, int)`, ([text, by, count]) =>
        (count as Int) <= 1 || whole(text as string, textual(by))
          ? [text]
          : limitedReverse(text as string, textual(by), toIndex(count as Int))
      )
  }
}
