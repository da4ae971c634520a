/** Masks text before it is cut: a piece of a secret is no secret that a redactor knows. */
import { Context, Effect } from "effect"

export interface TextMask {
  /** The next piece; what may go on now. */
  readonly push: (piece: string) => string
  /** What is left when no more comes. */
  readonly end: () => string
}

/** A mask for one stream of text. By default nothing is masked. */
export const OutputMask = Context.Reference<() => TextMask>("noetl-worker/domain/OutputMask", {
  defaultValue: () => () => ({ push: (piece) => piece, end: () => "" })
})

/** Told each secret of the worker itself when it is read: a rotated token, a key's file. By default it is not kept. */
export const KnownSecrets = Context.Reference<(name: string, secret: string) => void>(
  "noetl-worker/domain/KnownSecrets",
  { defaultValue: () => () => undefined }
)

/** Told each secret that a command came to by itself: a token that was made for it. By default it is not kept. */
export const ResolvedSecrets = Context.Reference<(name: string, secret: string) => Effect.Effect<void>>(
  "noetl-worker/domain/ResolvedSecrets",
  { defaultValue: () => () => Effect.void }
)

/** The first `most` characters of a text without its secrets; an ellipsis stands for the rest. */
export const shortened = (text: string, most: number): Effect.Effect<string> =>
  Effect.map(OutputMask, (maskOf) => shortenedBy(maskOf(), text, most))

/** The same by a mask that was not used yet. */
export const shortenedBy = (mask: TextMask, text: string, most: number): string => {
  const isWhole = text.length <= most + margin
  // Of a longer text the mask holds back what may be the beginning of a secret that the margin cuts.
  const masked = isWhole ? mask.push(text) + mask.end() : mask.push(text.slice(0, most + margin))
  return isWhole && masked.length <= most ? masked : `${masked.slice(0, most)}…`
}

/** The last `most` characters of a text without its secrets. */
export const endOf = (text: string, most: number): Effect.Effect<string> =>
  Effect.map(OutputMask, (maskOf) => {
    const mask = maskOf()
    const masked = mask.push(text) + mask.end()
    return masked.length <= most ? masked : `…${masked.slice(-most)}`
  })

/** More than any shape of a secret has that is masked in one piece. */
const margin = 64 * 1024
