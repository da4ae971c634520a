/**
 * Masks secrets on every way out: logs, events, results, errors, traces, what a child process prints.
 *
 * A secret is registered when it is resolved, and masked from then on in every shape of `transforms.ts`. What a command
 * resolves is held until its outcome was published. Above the limit the secret that was used longest ago and is not held
 * is forgotten.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import { isExact } from "../domain/ExactNumber.ts"
import type { Json } from "../domain/Json.ts"
import { KnownSecrets, OutputMask, ResolvedSecrets } from "../domain/OutputMask.ts"
import { MaskStream } from "./MaskStream.ts"
import { maskText, Registry, shortest } from "./Registry.ts"
import { maskJson } from "./maskJson.ts"
import { secretsInText } from "./secretsInText.ts"

export type Secret = Redacted.Redacted<Json> | Redacted.Redacted | Json

export interface Options {
  /** Secrets that are remembered. */
  readonly capacity: number
  /** The worker's own secrets by their names: they are never forgotten. */
  readonly own: ReadonlyArray<readonly [name: string, secret: string]>
}

export const defaults: Options = { capacity: 1_000, own: [] }

export class Redactor extends Context.Service<
  Redactor,
  {
    /** Masks a secret from now on. Of a list or a mapping every text and every long number is one. */
    readonly register: (name: string, secret: Secret) => Effect.Effect<void>
    /** Runs an effect; what is registered in it, by whatever part of it, is not forgotten before it has ended. */
    readonly holding: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    readonly mask: (text: string) => string
    /** Masks every text in a value, keys too; the same object where there is nothing to mask. */
    readonly maskJson: (value: Json) => Json
    /** For text that comes in pieces: holds back what may be the beginning of a secret. */
    readonly stream: () => MaskStream
    /** How many secrets are masked. */
    readonly size: () => number
  }
>()("noetl-worker/secrets/Redactor") {
  /** The redactor, and the masks and the place for own secrets that the parts below it ask for. */
  static readonly layerWith = (options: Partial<Options> = {}): Layer.Layer<Redactor> =>
    Layer.effectContext(
      Effect.sync(() => {
        const registry = new Registry(options.capacity ?? defaults.capacity)
        const remember = rememberIn(registry)
        for (const [name, secret] of options.own ?? []) remember(name, secret)
        const redactor = make(registry)
        return Context.make(Redactor, redactor).pipe(
          Context.add(OutputMask, redactor.stream),
          Context.add(KnownSecrets, remember),
          Context.add(ResolvedSecrets, redactor.register)
        )
      })
    )

  static readonly layer = Redactor.layerWith()
}

/** What the effect around has registered so far. */
export const Held = Context.Reference<Set<string> | undefined>("noetl-worker/secrets/Held", {
  defaultValue: () => undefined
})

const rememberIn =
  (registry: Registry) =>
  (name: string, secret: string): void => {
    for (const [at, text] of [secret, ...secretsInText(secret)].entries())
      if (isLong(text)) registry.own(`${name} ${at}`, text)
  }

const isLong = (text: string): boolean => text.trim().length >= shortest

const make = (registry: Registry): Redactor["Service"] => {
  const short = new Set<string>()

  const register = Effect.fnUntraced(function* (name: string, secret: Secret) {
    const texts = textsOf(Redacted.isRedacted(secret) ? Redacted.value(secret) : secret)
    const tooShort = texts.some((text) => !isLong(text) && text.trim() !== "")
    const known = texts.filter(isLong)
    registry.add(known)
    const held = yield* Held
    if (held !== undefined) {
      for (const text of known) {
        if (!held.has(text)) registry.hold(text)
        held.add(text)
      }
    }
    if (tooShort && !short.has(name) && short.size < maxWarnings) {
      short.add(name)
      yield* Effect.logWarning(`secrets shorter than ${shortest} characters are not masked: ${name}`)
    }
  })

  return Redactor.of({
    register,
    holding: (effect) =>
      Effect.suspend(() => {
        const held = new Set<string>()
        return effect.pipe(
          Effect.provideService(Held, held),
          Effect.ensuring(Effect.sync(() => held.forEach((text) => registry.release(text))))
        )
      }),
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
