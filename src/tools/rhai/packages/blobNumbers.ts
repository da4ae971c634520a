/** Numbers and text in byte arrays. */
import type { Natives } from "../machine/Natives.ts"
import { fromBits } from "../language/Integer.ts"
import { type Blob, Float, type Int, type Range, type Value } from "../language/Value.ts"
import { offsetAndLength, startAndLength } from "./indexes.ts"

const field = (blob: Blob, start: Int, length: Int): { at: number; count: number } | undefined => {
  if (blob.bytes.length === 0 || length <= 0) return undefined
  const [at, count] = offsetAndLength(blob.bytes.length, start, length)
  return count === 0 ? undefined : { at, count }
}

const viewOf = (blob: Blob, start: Int, length: Int): DataView | undefined => {
  const found = field(blob, start, length)
  if (found === undefined) return undefined
  const view = new DataView(new ArrayBuffer(8))
  for (let i = 0; i < Math.min(found.count, 8); i++) view.setUint8(i, blob.bytes[found.at + i]!)
  return view
}

const write = (blob: Blob, start: Int, length: Int, view: DataView): void => {
  const found = field(blob, start, length)
  if (found === undefined) return
  for (let i = 0; i < Math.min(found.count, 8); i++) blob.bytes[found.at + i] = view.getUint8(i)
}

const numberView = (value: Value, little: boolean): DataView => {
  const view = new DataView(new ArrayBuffer(8))
  if (value instanceof Float) view.setFloat64(0, value.value, little)
  else view.setBigInt64(0, BigInt(value as Int), little)
  return view
}

const writeText = (blob: Blob, start: Int, length: Int, text: string, asciiOnly: boolean): void => {
  const found = field(blob, start, length)
  if (found === undefined || text === "") return
  const whole = Buffer.from(text)
  const count = Math.min(found.count, whole.length)
  const source = asciiOnly ? whole.filter((byte) => byte < 128).subarray(0, count) : whole.subarray(0, count)
  source.forEach((byte, i) => (blob.bytes[found.at + i] = byte))
}

/** Registers a function of a blob and a part of it, given as start and length or as a range. */
const onPart = (
  natives: Natives,
  name: string,
  mutates: boolean,
  extra: string,
  run: (blob: Blob, start: Int, length: Int, value: Value) => Value
): void => {
  const register = (signature: string, body: (args: ReadonlyArray<Value>) => Value): void => {
    if (mutates) natives.method(signature, body)
    else natives.pure(signature, body)
  }
  register(`${name}(blob, int, int${extra})`, ([blob, start, length, value]) =>
    run(blob as Blob, start as Int, length as Int, value)
  )
  for (const type of ["range", "range="])
    register(`${name}(blob, ${type}${extra})`, ([blob, range, value]) =>
      run(blob as Blob, ...startAndLength(range as Range), value)
    )
}

export const blobNumbers = (natives: Natives): void => {
  for (const [order, little] of [
    ["le", true],
    ["be", false]
  ] as const) {
    onPart(natives, `parse_${order}_int`, false, "", (blob, start, length) => {
      const view = viewOf(blob, start, length)
      return view === undefined ? 0 : fromBits(view.getBigInt64(0, little))
    })
    onPart(
      natives,
      `parse_${order}_float`,
      false,
      "",
      (blob, start, length) => new Float(viewOf(blob, start, length)?.getFloat64(0, little) ?? 0)
    )
    for (const type of [", int", ", float"])
      onPart(natives, `write_${order}`, true, type, (blob, start, length, value) => {
        write(blob, start, length, numberView(value, little))
        return undefined
      })
  }
  for (const kind of ["utf8", "ascii"])
    onPart(natives, `write_${kind}`, true, ", string", (blob, start, length, text) => {
      writeText(blob, start, length, text as string, kind === "ascii")
      return undefined
    })
}
