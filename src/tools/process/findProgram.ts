/** Where a program is, by the PATH that it will run with: a clear answer before anything is started. */
import { accessSync, constants, statSync } from "node:fs"
import { isAbsolute, resolve } from "node:path"

/** An absolute path, or undefined. A name with a slash is taken from `cwd`, as `exec` would. */
export const findProgram = (
  name: string,
  path: string | undefined,
  cwd: string | undefined
): string | undefined => {
  if (name === "" || name.includes("\0")) return undefined
  const directory = cwd ?? process.cwd()
  if (name.includes("/")) {
    const file = isAbsolute(name) ? name : resolve(directory, name)
    return isExecutable(file) ? file : undefined
  }
  return (path ?? "/usr/local/bin:/usr/bin:/bin")
    .split(":")
    .map((entry) => resolve(directory, entry === "" ? "." : entry, name))
    .find(isExecutable)
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
