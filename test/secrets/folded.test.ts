import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { Redactor } from "../../src/secrets/Redactor.ts"

const secret = "Zq7-kP2w_Vn9tLx4RmB8sD3cHf6yJg1u"
const redactor = Effect.runSync(
  Effect.gen(function* () {
    const made = yield* Redactor
    yield* made.register("one", secret)
    return made
  }).pipe(Effect.provide(Layer.merge(Redactor.layer, Logger.layer([]))))
)

const lines = (text: string, width: number, end: string): string =>
  Array.from({ length: Math.ceil(text.length / width) }, (_, i) =>
    text.slice(i * width, (i + 1) * width)
  ).join(end)
const base64 = (before: number): string =>
  Buffer.from(`${"u".repeat(before)}${secret}${"v".repeat(40)}`).toString("base64")
const hex = Buffer.from(`user:${secret}:more`).toString("hex")

/** What the text still tells when all marks and breaks are taken out. */
const left = (text: string): string => {
  const whole = text.replaceAll("[REDACTED]", "").replaceAll(/\\r|\\n|[\s:-]/g, "")
  return (
    [0, 1, 2, 3].map((shift) => Buffer.from(whole.slice(shift), "base64").toString("latin1")).join() +
    Buffer.from(whole, "hex").toString("latin1")
  )
}
const tells = (text: string): boolean =>
  Array.from({ length: secret.length - 7 }, (_, i) => secret.slice(i, i + 8)).some((piece) =>
    left(text).includes(piece)
  )

describe("A secret that is broken into lines or groups", () => {
  it.each([4, 7, 8, 19, 20, 33, 60, 64, 76])("is masked in lines of %i characters of base64", (width) => {
    for (const end of ["\n", "\r\n", "\n    ", "\\n", "\\r\\n", "\\\\n"])
      for (const before of [0, 1, 2, 40, 41, 42]) {
        const text = `data: ${lines(base64(before), width, end)} end`
        assert.isTrue(tells(text))
        assert.isFalse(tells(redactor.mask(text)), JSON.stringify([width, end, before, redactor.mask(text)]))
      }
  })

  it.each([" ", ":", "-", "  ", "\n", " \n"])(
    "is masked in groups of hexadecimal digits with %j between",
    (between) => {
      for (const width of [2, 4, 8, 32]) {
        const text = `0000  ${lines(hex, width, between)}  end`
        assert.isTrue(tells(text))
        assert.isFalse(tells(redactor.mask(text)), redactor.mask(text))
      }
    }
  )

  it.each([1, 2, 3, 5, 8, 13, 21, 64])("is masked when it comes in pieces of %i characters", (size) => {
    for (const width of [8, 20, 76]) {
      const text = `begin\n${lines(base64(5), width, "\n")}\nend of it\n`
      const stream = redactor.stream()
      let out = ""
      for (let at = 0; at < text.length; at += size) out += stream.push(text.slice(at, at + size))
      out += stream.end()
      assert.isFalse(tells(out), JSON.stringify([size, width, out]))
      assert.isTrue(out.startsWith("begin\n") && out.endsWith("\nend of it\n"), out)
    }
  })

  it("leaves ordinary lines, tables and times as they are", () => {
    const text = "12:34:56 aa bb cc dd\nword\nanother word\n0000: 00 11 22 33 44 55\nabcdefgh\nijklmnop\n"
    assert.strictEqual(redactor.mask(text), text)
  })
})
