/** Texts that are almost scripts, for what they do to the parser. */
import type { Random } from "./randomScript.ts"

const pieces =
  `let const fn if else while loop for in break continue return throw try catch switch => _ { } ( ) [ ] #{ , ; : :: . ?. ?[ .. ..= | || && + - * / % ** << >> == != < > <= >= = += -= ! in !in ?? a b f x this 1 2.5 "s" 'c' \` \${ true false () print eval call Fn "\\` +
  "\n"

export const noise = (random: Random): string => {
  const words = pieces.split(" ")
  return Array.from({ length: 1 + random.below(40) }, () => words[random.below(words.length)]).join(
    random.below(4) === 0 ? "" : " "
  )
}

/** A few characters of a real script changed, removed or doubled. */
export const mutated = (random: Random, sources: ReadonlyArray<string>): string => {
  const text = sources[random.below(sources.length)]!
  const at = random.below(text.length + 1)
  const other = sources[random.below(sources.length)]!
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1 + random.below(5))
    case 1:
      return text.slice(0, at) + pieces[random.below(pieces.length)]! + text.slice(at)
    case 2:
      return text.slice(0, at) + other.slice(random.below(other.length + 1))
    default:
      return text.slice(0, at) + text.slice(at, at + 5).repeat(3) + text.slice(at)
  }
}
