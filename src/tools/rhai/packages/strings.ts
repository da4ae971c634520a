/** Strings, counted in characters. */
import { asInt, offsetAndLength, startAndLength } from "./indexes.ts"
import type { NativeContext, Natives } from "../machine/Natives.ts"
import { without } from "../machine/Operators.ts"
import { toText } from "../language/Format.ts"
import { tooLarge } from "../language/RhaiError.ts"
import { toIndex } from "../language/Integer.ts"
import { finder, includes, replaceAll } from "../language/search.ts"
import {
  Blob,
  Char,
  charAt,
  charCount,
  charOf,
  compareStrings,
  type Int,
  type Range,
  sliceChars,
  type Value
} from "../language/Value.ts"

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** A string or a character, as text. */
export const textual = (value: Value): string => (value instanceof Char ? value.text : (value as string))

const sub = (text: string, start: Int, length: Int): string => {
  if (text === "" || length <= 0) return ""
  const [from, count] = offsetAndLength(charCount(text), start, length)
  return sliceChars(text, from, from + count)
}

const indexOf = (text: string, part: string, start: Int): number => {
  if (text === "") return -1
  const size = charCount(text)
  const at = toIndex(start)
  const from = at < 0 ? Math.max(0, size + at) : at
  if (at > 0 && at >= size) return -1
  const unit = sliceChars(text, 0, from).length
  const found = finder(part)(text, unit)
  return found < 0 ? -1 : charCount(text.slice(0, found))
}

const pad = (text: string, length: Int, padding: string, context: NativeContext): string => {
  const wanted = toIndex(length)
  if (wanted > context.limits.stringLength) throw tooLarge("Length of string")
  const missing = wanted - charCount(text)
  if (missing <= 0 || padding === "") return text
  context.charge(missing >> 4)
  return text + sliceChars(padding.repeat(Math.ceil(missing / charCount(padding))), 0, missing)
}

const upper = (text: string): string => text.toUpperCase()
const lower = (text: string): string => text.toLowerCase()

/** A character stays one character. */
const single = (char: Char, change: (text: string) => string): Char => {
  const changed = change(char.text)
  return charCount(changed) === 1 ? charOf(changed) : char
}

const setChar = (text: string, index: Int, char: string): string => {
  const size = charCount(text)
  const at = toIndex(index) < 0 ? size + toIndex(index) : toIndex(index)
  if (at < 0 || at >= size) return text
  return sliceChars(text, 0, at) + char + sliceChars(text, at + 1, Infinity)
}

export const strings = (natives: Natives): void => {
  natives
    .property("len", "string", charCount)
    .property("is_empty", "string", (text: string) => text === "", "constant")
    .property("bytes", "string", (text: string) => Buffer.byteLength(text))
    .pure("to_blob(string)", ([text], context) => {
      context.checkArray(Buffer.byteLength(text as string))
      return new Blob(Array.from(Buffer.from(text as string)))
    })
    .pure("get(string, int)", ([text, index]) => {
      const at = toIndex(asInt(index))
      const char = charAt(text as string, at < 0 ? charCount(text as string) + at : at)
      return char === undefined ? undefined : charOf(char)
    })
    .pure("sub_string(string, int)", ([text, start]) => sub(text as string, asInt(start), Infinity))
    .pure("sub_string(string, int, int)", ([text, start, length]) =>
      sub(text as string, asInt(start), asInt(length))
    )
    .pure("to_upper(string)", ([text]) => upper(text as string))
    .pure("to_lower(string)", ([text]) => lower(text as string))
    .pure("to_upper(char)", ([char]) => single(char as Char, upper))
    .pure("to_lower(char)", ([char]) => single(char as Char, lower))
  for (const type of ["range", "range="])
    natives.pure(`sub_string(string, ${type})`, ([text, range]) =>
      sub(text as string, ...startAndLength(range as Range))
    )
  for (const type of ["string", "char"]) searching(natives, type)
  comparing(natives)
  changing(natives)
}

const searching = (natives: Natives, type: string): void => {
  natives
    .pure(`contains(string, ${type})`, ([text, part]) => includes(text as string, textual(part)))
    .pure(`starts_with(string, ${type})`, ([text, part]) => (text as string).startsWith(textual(part)))
    .pure(`ends_with(string, ${type})`, ([text, part]) => (text as string).endsWith(textual(part)))
    .pure(`index_of(string, ${type})`, ([text, part]) => indexOf(text as string, textual(part), 0))
    .pure(`index_of(string, ${type}, int)`, ([text, part, start]) =>
      indexOf(text as string, textual(part), asInt(start))
    )
}

const comparing = (natives: Natives): void => {
  const order = (x: Value, y: Value): number => compareStrings(textual(x), textual(y))
  for (const type of ["string", "char"])
    natives
      .pure(`max(${type}, ${type})`, ([x, y]) => (order(x, y) >= 0 ? x : y))
      .pure(`min(${type}, ${type})`, ([x, y]) => (order(x, y) <= 0 ? x : y))
}

/** Methods that put a new string in the variable. */
const changing = (natives: Natives): void => {
  const change = (
    signature: string,
    run: (text: string, args: ReadonlyArray<Value>, context: NativeContext) => string
  ): void => {
    natives.method(signature, (args, context) => {
      context.self = run(args[0] as string, args, context)
      return undefined
    })
  }
  change(
    "append(string, any)",
    (text, [, item]) =>
      text + (item instanceof Blob ? utf8.decode(Uint8Array.from(item.bytes)) : toText(item))
  )
  change("clear(string)", () => "")
  change("trim(string)", (text) => text.trim())
  change("make_upper(string)", upper)
  change("make_lower(string)", lower)
  change("truncate(string, int)", (text, [, length]) =>
    sliceChars(text, 0, Math.max(0, toIndex(asInt(length))))
  )
  change("set(string, int, char)", (text, [, index, char]) => setChar(text, asInt(index), textual(char)))
  change("crop(string, int)", (text, [, start]) => sub(text, asInt(start), Infinity))
  change("crop(string, int, int)", (text, [, start, length]) => sub(text, asInt(start), asInt(length)))
  for (const type of ["range", "range="])
    change(`crop(string, ${type})`, (text, [, range]) => sub(text, ...startAndLength(range as Range)))
  change("remove(string, string)", (text, [, part]) => without(text, part as string))
  change("remove(string, char)", (text, [, part]) => text.replaceAll(textual(part), ""))
  for (const from of ["string", "char"]) {
    for (const to of ["string", "char"])
      change(`replace(string, ${from}, ${to})`, (text, [, part, other], { limits }) =>
        text === "" ? text : replaced(text, textual(part), textual(other), limits.stringLength)
      )
    change(`pad(string, int, ${from})`, (text, [, length, padding], context) =>
      pad(text, asInt(length), textual(padding), context)
    )
  }
  natives
    .method("make_upper(char)", ([char], context) => void (context.self = single(char as Char, upper)))
    .method("make_lower(char)", ([char], context) => void (context.self = single(char as Char, lower)))
    .method("pop(string)", ([text], context) => {
      const last = Array.from((text as string).slice(-2)).at(-1)
      if (last === undefined) return undefined
      context.self = (text as string).slice(0, (text as string).length - last.length)
      return charOf(last)
    })
    .method("pop(string, int)", ([text, length], context) => {
      const size = charCount(text as string)
      const count = Math.max(0, Math.min(toIndex(asInt(length)), size))
      context.self = sliceChars(text as string, 0, size - count)
      return sliceChars(text as string, size - count, size)
    })
}

/** JavaScript splits at code units where Rust, looking for nothing, splits at characters. */
const replaced = (text: string, part: string, other: string, most: number): string => {
  if (part === "") return between(text, other, most)
  const result = replaceAll(text, part, other, most)
  if (result === undefined) throw tooLarge("Length of string")
  return result
}

const between = (text: string, other: string, most: number): string => {
  if (text.length + (charCount(text) + 1) * other.length > most) throw tooLarge("Length of string")
  return other + Array.from(text).join(other) + other
}
