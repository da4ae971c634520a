/** Which file, and which of its steps, the words of `noetl run` mean. */
import { existsSync, statSync } from "node:fs"
import { join } from "node:path"

export type Reference =
  | { readonly type: "file"; readonly path: string; readonly target: string | undefined }
  /** A word that may be a step of one of these files, which are tried in order. */
  | { readonly type: "step"; readonly files: ReadonlyArray<string>; readonly word: string }
  /** A place in a catalog. */
  | {
      readonly type: "catalog"
      readonly path: string
      readonly version: string | undefined
      readonly target: string | undefined
    }
  | { readonly type: "nothing"; readonly tried: ReadonlyArray<string> }

export const referenceOf = (
  folder: string,
  ref: string | undefined,
  target: string | undefined
): Reference => {
  const own = ["noetl.yaml", "main.yaml"].map((name) => join(folder, name)).filter(isFile)
  if (ref === undefined) {
    const [first] = own
    return first === undefined
      ? { type: "nothing", tried: ["noetl.yaml", "main.yaml"] }
      : { type: "file", path: first, target }
  }
  const catalog = /^catalog:\/\/([^@]+)(?:@(.+))?$/.exec(ref)
  if (catalog !== null) return { type: "catalog", path: catalog[1] ?? "", version: catalog[2], target }
  if (isFile(join2(folder, ref)) || /\.ya?ml$/.test(ref))
    return { type: "file", path: join2(folder, ref), target }
  const named = ["", ".yaml", ".yml"]
    .map((end) => `${ref}${end}`)
    .flatMap((name) => [name, `automation/${name}`])
  const found = named.map((name) => join2(folder, name)).find(isFile)
  if (found !== undefined) return { type: "file", path: found, target }
  if (/^[\w-]+$/.test(ref) && target === undefined && own.length > 0)
    return { type: "step", files: own, word: ref }
  return { type: "catalog", path: ref, version: undefined, target }
}

const join2 = (folder: string, path: string): string => (path.startsWith("/") ? path : join(folder, path))

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile()
