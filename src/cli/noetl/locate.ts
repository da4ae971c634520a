/** The words of `noetl run` → a file and a step of it. */
import { Effect, Result } from "effect"
import { entriesIn, PlaybookError, readPlaybook } from "../../local/catalog.ts"
import { referenceOf } from "../../local/reference.ts"

export interface Located {
  readonly path: string
  readonly target: string | undefined
}

export const located = (
  ref: string | undefined,
  target: string | undefined,
  folders: ReadonlyArray<string>
): Effect.Effect<Located, PlaybookError> =>
  Effect.suspend(() => {
    const found = referenceOf(process.cwd(), ref, target)
    switch (found.type) {
      case "file":
        return Effect.succeed({ path: shown(found.path), target: found.target })
      case "nothing":
        return Effect.fail(
          new PlaybookError({
            message: `there is no playbook here: name a file, or write ${found.tried.join(" or ")}`
          })
        )
      case "step":
        return ofStep(found.files, found.word, folders)
      case "catalog":
        return inCatalog(found.path, found.target, folders)
    }
  })

/** A word is a step of the folder's own playbook where it has such a step, else a path in a catalog. */
const ofStep = (files: ReadonlyArray<string>, word: string, folders: ReadonlyArray<string>) => {
  const file = files.find((path) => {
    const read = readPlaybook(path)
    return Result.isSuccess(read) && read.success.playbook?.steps.has(word) === true
  })
  return file === undefined
    ? inCatalog(word, undefined, folders)
    : Effect.succeed({ path: shown(file), target: word })
}

const inCatalog = (
  path: string,
  target: string | undefined,
  folders: ReadonlyArray<string>
): Effect.Effect<Located, PlaybookError> => {
  const wanted = path.replace(/^\//, "")
  const entries = entriesIn(folders).filter((entry) => entry.path.replace(/^\//, "") === wanted)
  const [first, second] = entries
  if (first === undefined) {
    const where =
      folders.length === 0
        ? "name its folder with --catalog DIR; the catalog of a server is not supported yet"
        : `the folders ${folders.join(", ")} have no such path`
    return Effect.fail(
      new PlaybookError({ message: `there is no file ${path} and no playbook of that path: ${where}` })
    )
  }
  if (second !== undefined)
    return Effect.fail(
      new PlaybookError({ message: `two playbooks have the path ${path}: ${first.file} and ${second.file}` })
    )
  return Effect.succeed({ path: first.file, target })
}

/** Below the working directory a path reads better without it. */
const shown = (path: string): string =>
  path.startsWith(`${process.cwd()}/`) ? path.slice(process.cwd().length + 1) : path
