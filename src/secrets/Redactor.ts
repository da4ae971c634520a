/**
 * Masks secrets on every way out: logs, events, results, errors, traces, what a child process prints.
 *
 * A secret is registered when it is resolved, and masked from then on in every shape of `transforms.ts`. Above the limit
 * the secret that was registered longest ago and is not held is forgotten.
 */
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import { isExact } from "../domain/ExactNumber.ts"
import type { Json } from "../domain/Json.ts"
import { MaskStream } from "./MaskStream.ts"
import { maskText, Registry, shortest } from "./Registry.ts"
import { maskJson } from "./maskJson.ts"

export type Secret = Redacted.Redacted<Json> | Redacted.Redacted | Json

export interface Options {
  /** Secrets that are remembered. */
  readonly capacity: number
}

export const defaults: Options = { capacity: 1_000 }

export class Redactor extends Context.Service<
  Redactor,
  {
    /** Masks a secret from now on. Of a list or a mapping every text and every long number is one. */
    readonly register: (name: string, secret: Secret) => Effect.Effect<void>
    /** The same, and it is not forgotten while the scope is open. */
    readonly hold: (name: string, secret: Secret) => Effect.Effect<void, never, Scope.Scope>
    readonly mask: (text: string) => string
    /** Masks every text in a value, keys too; the same object where there is nothing to mask. */
    readonly maskJson: (value: Json) => Json
    /** For text that comes in pieces: holds back what may be the beginning of a secret. */
    readonly stream: () => MaskStream
    /** How many secrets are masked. */
    readonly size: () => number
  }
>()("noetl-worker/secrets/Redactor") {
  static readonly layerWith = (options: Partial<Options> = {}): Layer.Layer<Redactor> =>
    Layer.sync(Redactor, () => make({ ...defaults, ...options }))

  static readonly layer = Redactor.layerWith()
}

const make = (options: Options): Redactor["Service"] => {
  const registry = new Registry(options.capacity)
  const short = new Set<string>()

  const register = Effect.fnUntraced(function* (name: string, secret: Secret) {
    const texts = textsOf(Redacted.isRedacted(secret) ? Redacted.value(secret) : secret)
    const tooShort = texts.some((text) => text.trim().length < shortest && text.trim() !== "")
    const known = texts.filter((text) => text.trim().length >= shortest)
    for (const text of known) registry.add(text)
    if (tooShort && !short.has(name) && short.size < maxWarnings) {
      short.add(name)
      yield* Effect.logWarning(`secrets shorter than ${shortest} characters are not masked: ${name}`)
    }
    return known
  })

  return Redactor.of({
    register: (name, secret) => Effect.asVoid(register(name, secret)),
    hold: (name, secret) =>
      Effect.acquireRelease(
        Effect.tap(register(name, secret), (texts) =>
          Effect.sync(() => texts.forEach((text) => registry.hold(text)))
        ),
        (texts) => Effect.sync(() => texts.forEach((text) => registry.release(text)))
      ).pipe(Effect.asVoid),
    mask: (text) => maskText(registry.matcher, text),
    maskJson: (value) => maskJson(registry.matcher, value),
    stream: () => new MaskStream(() => registry.matcher),
    size: () => registry.size
  })
}

/** Names that were warned about; a program that makes up names cannot fill memory with them. */
const maxWarnings = 1_000

const maxDepth = 64

const textsOf = (value: Json, depth = 0): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  if (typeof value === "number" || typeof value === "bigint") return [String(value)]
  if (isExact(value)) return [value.rawJSON]
  if (typeof value !== "object" || value === null || depth > maxDepth) return []
  return Object.values(value).flatMap((member: Json) => textsOf(member, depth + 1))
}
