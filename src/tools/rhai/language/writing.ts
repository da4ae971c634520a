/** The text of a value of any size, written in parts. */
import { pause, type Parts } from "./pause.ts"
import { sorted } from "./sorting.ts"
import { compareStrings, isFlat, type RhaiMap, sortedKeys, type Value } from "./Value.ts"

/** How a notation writes containers. */
export interface Notation {
  readonly array: readonly [open: string, separator: string, close: string]
  readonly map: readonly [open: string, separator: string, close: string]
  readonly text: (text: string) => string
  /** Between a key and its value. */
  readonly colon: string
  /** What is neither text nor a container. */
  readonly leaf: (value: Value) => string
}

/** Elements, or characters in thousands, that are written at once. */
const PART = 512
const TEXT = 4096

export function* written(value: Value, notation: Notation): Parts<string> {
  if (typeof value === "string") return yield* writtenText(value, notation)
  if (Array.isArray(value)) {
    const [open, separator, close] = notation.array
    let out = open
    for (let i = 0; i < value.length; i++) {
      if (i > 0) out += separator
      const item = value[i]
      if (isLeaf(item)) out += notation.leaf(item)
      else if (typeof item === "string" && item.length <= TEXT) out += notation.text(item)
      else out += yield* written(item, notation)
      if (i % PART === PART - 1) yield pause
    }
    return out + close
  }
  return value instanceof Map ? yield* writtenMap(value, notation) : notation.leaf(value)
}

const isLeaf = (value: Value): boolean =>
  typeof value !== "string" && !Array.isArray(value) && !(value instanceof Map)

function* writtenMap(map: RhaiMap, notation: Notation): Parts<string> {
  const [open, separator, close] = notation.map
  let out = open
  let count = 0
  for (const key of yield* keysInOrder(map)) {
    if (count++ > 0) out += separator
    out += (yield* writtenText(key, notation)) + notation.colon
    out += yield* written(map.get(key), notation)
    if (count % PART === 0) yield pause
  }
  return out + close
}

/** A quotation has its marks at both ends only, so long text is quoted stretch by stretch. */
function* writtenText(text: string, { text: quoted }: Notation): Parts<string> {
  if (text.length <= TEXT) return quoted(text)
  let out = ""
  for (let at = 0; at < text.length;) {
    // A surrogate pair stays together, and so does a mark with what it is on
    let end = Math.min(text.length, at + TEXT)
    while (end < text.length && /^[\udc00-\udfff\p{Grapheme_Extend}]/u.test(text.slice(end, end + 2))) end++
    const part = quoted(text.slice(at, end))
    out += part.slice(at === 0 ? 0 : 1, end === text.length ? part.length : -1)
    at = end
    yield pause
  }
  return out
}

/** More keys than this are sorted in parts. */
const MANY = 1024

export function* keysInOrder(map: RhaiMap): Parts<ReadonlyArray<string>> {
  if (map.size <= MANY) return sortedKeys(map)
  const keys = [...map.keys()]
  return yield* sorted(keys, keys.every(isFlat) ? (x, y) => (x < y ? -1 : x === y ? 0 : 1) : compareStrings)
}
