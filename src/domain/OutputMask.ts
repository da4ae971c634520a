/** Masks what a program writes while it comes, so that no secret is cut in two before it is masked. */
import { Context } from "effect"

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
