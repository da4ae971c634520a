/** Byte arrays. */
import type { NativeContext, Natives } from "../machine/Natives.ts"
import { toIndex } from "../language/Integer.ts"
import { Blob, type Char, type Int, type Range, type Value } from "../language/Value.ts"
import { existing, offsetAndLength, startAndLength } from "./indexes.ts"

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

const bytes = (value: Value): Array<number> => (value as Blob).bytes
const int = (value: Value): Int => value as Int
const byte = (value: Value): number => Number(BigInt.asUintN(8, BigInt(int(value))))

const place = (list: Array<number>, index: Int): number => offsetAndLength(list.length, index, 0)[0]

const splice = (blob: Blob, start: Int, length: Int, other: Array<number>): void => {
  if (blob.bytes.length === 0) {
    blob.bytes = other
    return
  }
  const [at, count] = offsetAndLength(blob.bytes.length, start, length)
  // With nothing to replace the bytes go to the end, wherever the start is
  blob.bytes =
    count === 0
      ? blob.bytes.concat(other)
      : blob.bytes.slice(0, at).concat(other, blob.bytes.slice(at + count))
}

const extract = (list: Array<number>, start: Int, length: Int): Blob => {
  if (length <= 0) return new Blob()
  const [at, count] = offsetAndLength(list.length, start, length)
  return new Blob(list.slice(at, at + count))
}

const drain = (blob: Blob, start: Int, length: Int): Blob => {
  if (length <= 0) return new Blob()
  const [at, count] = offsetAndLength(blob.bytes.length, start, length)
  return new Blob(blob.bytes.splice(at, count))
}

const retain = (blob: Blob, start: Int, length: Int): Blob => {
  if (blob.bytes.length === 0 || length <= 0) return new Blob()
  const [at, count] = offsetAndLength(blob.bytes.length, start, length)
  const all = blob.bytes
  blob.bytes = count === 0 ? [] : all.slice(at, at + count)
  return new Blob(count === 0 ? all : [...all.slice(0, at), ...all.slice(at + count)])
}

export const blobs = (natives: Natives): void => {
  natives
    .pure("blob()", () => new Blob())
    .pure("blob(int)", ([length], context) => filled(toIndex(int(length)), 0, context))
    .pure("blob(int, int)", ([length, value], context) => filled(toIndex(int(length)), byte(value), context))
    .pure("to_array(blob)", ([blob]) => [...bytes(blob)])
    .pure("as_string(blob)", ([blob]) => utf8.decode(Uint8Array.from(bytes(blob))))
    .property("len", "blob", (blob: Blob) => blob.bytes.length, "constant")
    .property("is_empty", "blob", (blob: Blob) => blob.bytes.length === 0, "constant")
    .pure("contains(blob, int)", ([blob, value]) => bytes(blob).includes(byte(value)))
    .pure("get(blob, int)", ([blob, index]) => bytes(blob)[place(bytes(blob), int(index))] ?? 0, "constant")
    .method(
      "set(blob, int, int)",
      ([blob, index, value]) => {
        const at = place(bytes(blob), int(index))
        if (at < bytes(blob).length) bytes(blob)[at] = byte(value)
        return undefined
      },
      "constant"
    )
    .method("push|append(blob, int)", ([blob, value]) => void bytes(blob).push(byte(value)), "constant")
    .method(
      "append(blob, blob)",
      ([blob, other]) => void ((blob as Blob).bytes = bytes(blob).concat(bytes(other)))
    )
    .method("append(blob, string)", ([blob, text], context) =>
      appendText(blob as Blob, text as string, context)
    )
    .method("append(blob, char)", ([blob, char], context) =>
      appendText(blob as Blob, (char as Char).text, context)
    )
    .method(
      "insert(blob, int, int)",
      ([blob, index, value]) => void bytes(blob).splice(place(bytes(blob), int(index)), 0, byte(value))
    )
    .method("pad(blob, int, int)", ([blob, length, value], context) => {
      const wanted = toIndex(int(length))
      context.checkArray(wanted)
      while (bytes(blob).length < wanted) bytes(blob).push(byte(value))
      return undefined
    })
  removing(natives)
  parts(natives)
}

const filled = (length: number, value: number, context: { checkArray(length: number): void }): Blob => {
  if (length <= 0) return new Blob()
  context.checkArray(length)
  return new Blob(Array.from<number>({ length }).fill(value))
}

const appendText = (blob: Blob, text: string, context: NativeContext): undefined => {
  context.checkArray(blob.bytes.length + Buffer.byteLength(text))
  blob.bytes = blob.bytes.concat(Array.from(Buffer.from(text)))
  return undefined
}

const removing = (natives: Natives): void => {
  natives
    .method("pop(blob)", ([blob]) => bytes(blob).pop() ?? 0, "constant")
    .method("shift(blob)", ([blob]) => bytes(blob).shift() ?? 0, "shallow")
    .method("remove(blob, int)", ([blob, index]) => {
      const at = existing(bytes(blob).length, int(index))
      return at === undefined ? 0 : bytes(blob).splice(at, 1)[0]!
    })
    .method("clear(blob)", ([blob]) => void ((blob as Blob).bytes = []))
    .method("truncate(blob, int)", ([blob, length]) => {
      ;(blob as Blob).bytes = bytes(blob).slice(0, Math.max(0, toIndex(int(length))))
      return undefined
    })
    .method("chop(blob, int)", ([blob, length]) => {
      const count = Math.max(0, toIndex(int(length)))
      if (count < bytes(blob).length) bytes(blob).splice(0, bytes(blob).length - count)
      return undefined
    })
    .method("reverse(blob)", ([blob]) => void bytes(blob).reverse())
}

const parts = (natives: Natives): void => {
  natives
    .method("splice(blob, int, int, blob)", ([blob, start, length, other]) => {
      splice(blob as Blob, int(start), int(length), bytes(other))
      return undefined
    })
    .method("extract(blob, int)", ([blob, start]) => extract(bytes(blob), int(start), Infinity))
    .method("extract(blob, int, int)", ([blob, start, length]) =>
      extract(bytes(blob), int(start), int(length))
    )
    .method(
      "split(blob, int)",
      ([blob, index]) => new Blob(bytes(blob).splice(place(bytes(blob), int(index))))
    )
    .method("drain(blob, int, int)", ([blob, start, length]) => drain(blob as Blob, int(start), int(length)))
    .method("retain(blob, int, int)", ([blob, start, length]) =>
      retain(blob as Blob, int(start), int(length))
    )
  for (const type of ["range", "range="])
    natives
      .method(`splice(blob, ${type}, blob)`, ([blob, range, other]) => {
        splice(blob as Blob, ...startAndLength(range as Range), bytes(other))
        return undefined
      })
      .method(`extract(blob, ${type})`, ([blob, range]) =>
        extract(bytes(blob), ...startAndLength(range as Range))
      )
      .method(`drain(blob, ${type})`, ([blob, range]) =>
        drain(blob as Blob, ...startAndLength(range as Range))
      )
      .method(`retain(blob, ${type})`, ([blob, range]) =>
        retain(blob as Blob, ...startAndLength(range as Range))
      )
}
