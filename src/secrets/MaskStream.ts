/** Masks text that comes in pieces, secrets that are cut in two included. */
import type { Matcher } from "./Matcher.ts"
import { foldedOpenFrom } from "./folded.ts"
import { allIn, maskText } from "./Registry.ts"

export class MaskStream {
  private held = ""
  private readonly matcher: () => Matcher

  constructor(matcher: () => Matcher) {
    this.matcher = matcher
  }

  /** The next piece; what may go out now. At most one secret's length and its line breaks stay behind. */
  push(piece: string): string {
    const matcher = this.matcher()
    const text = this.held + piece
    const cut = safeEnd(matcher, text)
    this.held = text.slice(cut)
    return maskText(matcher, text.slice(0, cut))
  }

  /** What is left when no more comes. */
  end(): string {
    const rest = maskText(this.matcher(), this.held)
    this.held = ""
    return rest
  }
}

/** Nothing that begins before the end may go on after it. */
const safeEnd = (matcher: Matcher, text: string): number => {
  if (matcher.isEmpty) return text.length
  const open = Math.min(matcher.openFrom(text), foldedOpenFrom(matcher, text))
  const across = allIn(matcher, text).find(([start, end]) => start < open && open < end)
  return across === undefined ? open : across[0]
}
