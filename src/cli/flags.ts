/** Shapes of flags and arguments that several commands have. */
import { Flag } from "effect/cli"

/** A switch, off unless it is given. */
export const onOff = (name: string, doc: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(doc), Flag.withDefault(false))

/** A text that may be missing. */
export const text = (name: string, doc: string, metavar?: string) =>
  Flag.optional(named(Flag.String(name), doc, metavar))

/** The same, given any number of times. */
export const many = (name: string, doc: string, metavar: string) =>
  Flag.atLeast(named(Flag.String(name), doc, metavar), 0)

const named = <A>(flag: Flag.Flag<A>, doc: string, metavar: string | undefined): Flag.Flag<A> => {
  const described = Flag.withDescription(flag, doc)
  return metavar === undefined ? described : Flag.withMetavar(described, metavar)
}

/** For a number of things. */
export const isPositive = [(number: number) => number > 0, () => "a number greater than 0"] as const
