/** Certificates and keys: PEM text, or a file below a directory that the operator named for it. */
import { Effect } from "effect"
import { readFile, realpath } from "node:fs/promises"
import { resolve, sep } from "node:path"

/** Fails with what is wrong. */
export const pemOf = (
  value: string | undefined,
  root: string | undefined
): Effect.Effect<string | undefined, string> => {
  if (value === undefined || value.trim() === "") return Effect.succeed(undefined)
  if (value.includes("-----BEGIN ")) return Effect.succeed(value)
  if (root === undefined)
    return Effect.fail("Expected PEM text: files are not allowed by this worker's settings")
  return Effect.tryPromise({
    try: () => readBelow(root, value),
    catch: () => `no readable PEM file: ${value}`
  })
}

const readBelow = async (root: string, path: string): Promise<string> => {
  const directory = await realpath(root)
  // Links are resolved before the check, so that none leads out.
  const file = await realpath(resolve(directory, path))
  if (!file.startsWith(directory + sep)) throw new Error("outside")
  return await readFile(file, "utf8")
}
