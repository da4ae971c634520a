/** The dialects by the name of their protocol: a new one is a file and a line here. */
import type { Dialect } from "./Dialect.ts"
import { python2 } from "./python2.ts"

export const dialects = { python2 } satisfies Record<string, Dialect>

/** `auto` is python2, the generation that answers to all requests of this client. */
export type Protocol = keyof typeof dialects | "auto"

/** Throws for a name without a dialect, which only an untyped caller can give. */
export const dialectOf = (protocol: Protocol): Dialect => {
  const name = protocol === "auto" ? "python2" : protocol
  if (Object.hasOwn(dialects, name)) return dialects[name]
  const known = ["auto", ...Object.keys(dialects)].join(", ")
  throw new Error(`server.protocol: no dialect for ${JSON.stringify(protocol)}; choose one of ${known}`)
}
