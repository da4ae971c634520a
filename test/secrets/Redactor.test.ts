import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Redacted, Schema } from "effect"
import { KnownSecrets } from "../../src/domain/OutputMask.ts"
import { Held, Redactor } from "../../src/secrets/Redactor.ts"
import { shapesOf } from "../../src/secrets/transforms.ts"
import { cpuMillis } from "../support/cpuMillis.ts"

const mark = "[REDACTED]"

const withSecrets = (...secrets: ReadonlyArray<string>): Redactor["Service"] =>
  Effect.runSync(
    Effect.gen(function* () {
      const redactor = yield* Redactor
      for (const [i, secret] of secrets.entries()) yield* redactor.register(`secret ${i}`, secret)
      return redactor
    }).pipe(Effect.provide(Layer.mergeAll(Redactor.layer, Logger.layer([]))))
  )

const secret = "p@ss w'rd/\"1+?\n"
const trimmed = secret.trim()
const b64 = (text: string) => Buffer.from(text).toString("base64")
const hex = (text: string) => Buffer.from(text).toString("hex")

const shapes: ReadonlyArray<readonly [string, string]> = [
  ["itself", secret],
  ["trimmed", trimmed],
  ["JSON-escaped", JSON.stringify({ password: secret })],
  ["JSON in JSON", JSON.stringify(JSON.stringify({ password: secret }))],
  ["URL-encoded", `?p=${encodeURIComponent(secret)}&x`],
  ["URL-encoded as Python does", "?p=p%40ss%20w%27rd/%221%2B%3F"],
  ["URL-encoded in small letters", `?p=${encodeURIComponent(trimmed).toLowerCase()}`],
  ["a form", new URLSearchParams({ p: trimmed }).toString()],
  ["hex", hex(trimmed)],
  ["hex in capitals", hex(trimmed).toUpperCase()],
  ["quoted for a shell", `'${trimmed.replaceAll("'", "'\\''")}'`],
  ["quoted by Python's shlex", `'${trimmed.replaceAll("'", `'"'"'`)}'`],
  ["in double quotes of a shell", `"${trimmed.replaceAll('"', '\\"')}"`],
  ["as Python's repr", `'p@ss w\\'rd/"1+?\\n'`],
  ["in HTML", "<b>p@ss w&#39;rd/&quot;1+?</b>"]
]

describe("Redactor", () => {
  describe("masks a secret", () => {
    const redactor = withSecrets(secret)
    it.each(shapes)("%s", (_, text) => {
      const masked = redactor.mask(`before ${text} after`)
      assert.include(masked, mark)
      for (const piece of ["p@ss", "w'rd", "p%40", "70407373", "1+?"]) assert.notInclude(masked, piece)
      assert.isTrue(masked.startsWith("before ") && masked.endsWith(" after"))
    })
  })

  it.each([0, 1, 2, 3, 4, 5])("masks base64 that begins %i bytes before the secret", (before) => {
    const redactor = withSecrets("s3cr3t-t0ken")
    for (const after of ["", "x", "xy", "xyz"]) {
      const text = `${"u".repeat(before)}s3cr3t-t0ken${after}`
      for (const encoding of ["base64", "base64url"] as const) {
        const encoded = Buffer.from(text).toString(encoding)
        const masked = redactor.mask(`Authorization: Basic ${encoded}`)
        assert.include(masked, mark)
        assert.notInclude(Buffer.from(masked.replaceAll(mark, ""), "base64").toString(), "cr3t-t0k")
      }
    }
  })

  it("masks the lines of a key, not what every key begins with", () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${"A1b2C3d4".repeat(8)}\n${"Z9y8X7w6".repeat(8)}\n-----END PRIVATE KEY-----\n`
    const redactor = withSecrets(key)
    assert.strictEqual(redactor.mask(`x ${"Z9y8X7w6".repeat(8)} y`), `x ${mark} y`)
    assert.strictEqual(redactor.mask("-----BEGIN PRIVATE KEY-----"), "-----BEGIN PRIVATE KEY-----")
  })

  it("masks a long secret wholly, in every shape", () => {
    const long = Array.from({ length: 500 }, (_, i) => `k${i}:${i * 7919}`).join(";")
    const redactor = withSecrets(long)
    assert.notMatch(redactor.mask(`<${long}>`).replaceAll(mark, ""), /\d/)
    assert.isBelow(redactor.mask(b64(long)).replaceAll(mark, "").length, 30)
  })

  it("masks overlapping secrets wholly", () => {
    const redactor = withSecrets("abcdefgh", "efghijkl", "ijklmnop")
    assert.strictEqual(redactor.mask("<abcdefghijklmnop>"), `<${mark}>`)
    assert.strictEqual(redactor.mask("abcdefgh abcdefghabcdefgh"), `${mark} ${mark}${mark}`)
  })

  it("does not mask its own mark again", () => {
    const redactor = withSecrets("REDACTED", "[REDACTED]", "hunter22[RED", "ED]hunter33", "hunter44")
    const text = "REDACTED [REDACTED] hunter22hunter44 hunter44hunter33"
    const once = redactor.mask(text)
    assert.strictEqual(redactor.mask(once), once)
  })

  it("masks values and keys of JSON, numbers too, and copies nothing without need", () => {
    const redactor = withSecrets("hunter22", "12345678")
    const clean = { a: [1, "x", { b: null }], c: true }
    assert.strictEqual(redactor.maskJson(clean), clean)
    assert.deepStrictEqual(
      redactor.maskJson({ hunter22: 1, a: ["hunter22", 12345678, "ok"], b: { c: "x hunter22" }, d: clean }),
      { [mark]: 1, a: [mark, mark, "ok"], b: { c: `x ${mark}` }, d: clean }
    )
  })

  it.effect("names secrets that are too short, never shows them, and says so once", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* Effect.gen(function* () {
        const redactor = yield* Redactor
        yield* redactor.register("pin", "1234")
        yield* redactor.register("pin", "1234")
        yield* redactor.register("pg", { password: "abc", user: "administrator" })
        assert.strictEqual(redactor.mask("1234 administrator"), `1234 ${mark}`)
      }).pipe(Effect.provide(Layer.mergeAll(Redactor.layer, Logger.layer([logger]))))
      assert.deepStrictEqual(lines, [
        "secrets shorter than 6 characters are not masked: pin",
        "secrets shorter than 6 characters are not masked: pg"
      ])
    })
  )

  it.effect("takes Redacted values, and every text inside a value", () =>
    Effect.gen(function* () {
      const redactor = yield* Redactor
      yield* redactor.register("a", Redacted.make("hunter22"))
      yield* redactor.register("b", Redacted.make({ deep: ["hunter33", { n: 987654321 }] }))
      assert.strictEqual(redactor.mask("hunter22 hunter33 987654321"), `${mark} ${mark} ${mark}`)
    }).pipe(Effect.provide(Redactor.layer))
  )

  it.effect(
    "forgets the oldest when there are too many, but not what an effect holds, however it was registered",
    () =>
      Effect.gen(function* () {
        const redactor = yield* Redactor
        const deep = Effect.forkChild(redactor.register("held", "held-secret"), { startImmediately: true })
        yield* redactor.holding(
          Effect.gen(function* () {
            yield* Fiber.join(yield* deep)
            yield* redactor.register("held", "held-secret")
            for (let i = 0; i < 50; i++)
              yield* Effect.provideService(redactor.register("many", `secret-number-${i}`), Held, undefined)
            assert.strictEqual(redactor.size(), 10)
            assert.strictEqual(redactor.mask("held-secret"), mark)
            assert.strictEqual(redactor.mask("secret-number-49 secret-number-1!"), `${mark} secret-number-1!`)
          })
        )
        // It was in use a moment ago: others go first.
        for (let i = 0; i < 9; i++) yield* redactor.register("many", `one-more-secret-${i}`)
        assert.strictEqual(redactor.mask("held-secret"), mark)
        yield* redactor.register("many", "the-last-secret")
        assert.strictEqual(redactor.mask("held-secret"), "held-secret")
      }).pipe(Effect.provide(Redactor.layerWith({ capacity: 10 })))
  )

  it.effect("masks a list of more secrets than it remembers as a whole", () =>
    Effect.gen(function* () {
      const redactor = yield* Redactor
      const list = Array.from({ length: 25 }, (_, i) => `list-secret-${i}!`)
      yield* redactor.register("list", list)
      assert.strictEqual(redactor.mask(list.join("")), mark.repeat(25))
    }).pipe(Effect.provide(Redactor.layerWith({ capacity: 10 })))
  )

  it.effect("never forgets the worker's own secrets, nor what a rotated file had before", () =>
    Effect.gen(function* () {
      const redactor = yield* Redactor
      const remember = yield* KnownSecrets
      for (const token of ["first-token-1", "second-token-2"]) remember("token file", token)
      for (let i = 0; i < 50; i++) yield* redactor.register("many", `secret-number-${i}`)
      for (const own of ["own-password-9", "first-token-1", "second-token-2"])
        assert.strictEqual(redactor.mask(own), mark)
      for (let i = 0; i < 100; i++) remember("token file", `rotated-token-${i}`)
      assert.isAtMost(redactor.size(), 12)
    }).pipe(Effect.provide(Redactor.layerWith({ capacity: 10, own: [["NATS_PASSWORD", "own-password-9"]] })))
  )

  describe("a stream", () => {
    const redactor = withSecrets("hunter22", "hunter2233445566", "tail-secret")
    const text = "a hunter22 b hunter2233445566 c hunterhunter22 d tail-secre"

    it.each([1, 2, 3, 5, 7, 11, 60])("masks secrets cut into pieces of %i", (size) => {
      const stream = redactor.stream()
      let out = ""
      for (let i = 0; i < text.length; i += size) out += stream.push(text.slice(i, i + size))
      assert.strictEqual(out + stream.end(), redactor.mask(text))
    })

    it("lets go at once what cannot be part of a secret", () => {
      const stream = redactor.stream()
      assert.strictEqual(stream.push("nothing here\n"), "nothing here\n")
      assert.strictEqual(stream.push("x hunt"), "x ")
      assert.strictEqual(stream.push("ing season"), "hunting season")
      assert.strictEqual(stream.end(), "")
    })

    it("keeps a secret whole whose end may begin another", () => {
      const stream = withSecrets("abcdef", "efghijkl").stream()
      assert.strictEqual(stream.push("<abcdef"), "<")
      assert.strictEqual(stream.push("ghijkl>"), `${mark}>`)
    })

    it("holds no more than one secret back", () => {
      const stream = redactor.stream()
      const out = stream.push("hunter2".repeat(100_000))
      assert.isAbove(out.length, 699_000)
    })
  })

  const Secrets = Schema.Array(Schema.String.check(Schema.isMinLength(6), Schema.isMaxLength(40))).check(
    Schema.isMaxLength(5)
  )

  it.prop(
    "leaves no shape of any secret, and masking twice is masking once",
    [Secrets, Schema.String],
    ([all, text]) => {
      const secrets = all.filter((one) => one.trim().length >= 6 && one.isWellFormed())
      const redactor = withSecrets(...secrets)
      const everything = secrets
        .flatMap((one) => Array.from(shapesOf(one)))
        .filter((shape) => shape.length >= 6)
      const whole = everything.map((shape) => `${text}${shape}`).join(" ") + text
      const masked = redactor.mask(whole)
      const rest = masked.replaceAll(mark, "\u{10ffff}")
      for (const shape of everything) if (!mark.includes(shape)) assert.notInclude(rest, shape)
      assert.strictEqual(redactor.mask(masked), masked)
    },
    { arbitrary: { runs: 150 } }
  )

  it.prop(
    "masks a stream as it masks the whole",
    [Secrets, Schema.Array(Schema.String), Schema.Int],
    ([all, texts, seed]) => {
      const secrets = all.filter((one) => one.trim().length >= 6 && one.isWellFormed())
      const redactor = withSecrets(...secrets)
      const whole = texts
        .map((text, i) => `${text}${secrets[i % Math.max(1, secrets.length)] ?? ""}`)
        .join("-")
      const stream = redactor.stream()
      let out = ""
      for (let i = 0, step = 1 + (Math.abs(seed) % 9); i < whole.length; i += step)
        out += stream.push(whole.slice(i, i + step))
      assert.strictEqual(out + stream.end(), redactor.mask(whole))
    },
    { arbitrary: { runs: 150 } }
  )

  it("masks 50 MB without a copy of every word", () => {
    const redactor = withSecrets("hunter22")
    const value = { rows: Array.from({ length: 50 }, () => "y".repeat(1_000_000)) }
    const millis = cpuMillis(() => assert.strictEqual(redactor.maskJson(value), value))
    assert.isBelow(millis, 2_000)
  })
})
