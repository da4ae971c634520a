/** Which files a playbook may name: those below the allowed directories, wherever links lead. */
import { readdirSync, readlinkSync, realpathSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { basename, dirname, join, resolve, sep } from "node:path"
import type { DuckdbSettings } from "./DuckdbOptions.ts"

/** The real file of a path; undefined where it lies outside of what is allowed. */
export const allowedFile = (settings: DuckdbSettings, path: string): string | undefined => {
  // C ends a name at a NUL: what is opened would not be what was checked
  if (path.includes("\0")) return undefined
  const real = settled(resolve(path), 40)
  if (real === undefined) return undefined
  return settings.externalAccess || isBelow(real, rootsOf(settings)) ? real : undefined
}

/** A text in SQL that names a link which leads out of the allowed directories, to a file that need not exist. */
export const strayLink = (settings: DuckdbSettings, texts: ReadonlyArray<string>): string | undefined => {
  if (settings.externalAccess) return undefined
  const roots = rootsOf(settings)
  return texts.find((text) => {
    if (text.includes("\0") || text.includes("://")) return false
    const path = resolve(text)
    const real = settled(path, 40)
    return isBelow(path, settings.allowedDirectories.map((one) => resolve(one)).concat(roots)) &&
      real !== path
      ? real === undefined || !isBelow(real, roots)
      : false
  })
}

/**
 * A link to a file that is not there yet and would lie outside of the allowed directories: DuckDB would make it there. It
 * refuses links to what exists by itself.
 */
export const danglingLink = async (
  settings: DuckdbSettings,
  own: ReadonlyArray<string>
): Promise<string | undefined> => {
  if (settings.externalAccess) return undefined
  const roots = [...rootsOf(settings), ...own]
  const folders = [...roots]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // What cannot be listed or is gone meanwhile has no links that can be known
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isSymbolicLink() && isDanglingOut(path, roots)) return path
    }
  }
  return undefined
}

/** Whether one of the files that DuckDB keeps beside a database, such as its log, is such a link. */
export const hasDanglingBeside = (settings: DuckdbSettings, file: string): boolean => {
  if (settings.externalAccess) return false
  const roots = rootsOf(settings)
  const names = attempt(() => readdirSync(dirname(file))) ?? []
  return names.some(
    (name) => name.startsWith(`${basename(file)}.`) && isDanglingOut(join(dirname(file), name), roots)
  )
}

const isDanglingOut = (path: string, roots: ReadonlyArray<string>): boolean => {
  if (attempt(() => realpathSync(path)) !== undefined) return false
  const real = settled(path, 40)
  return real === undefined || !isBelow(real, roots)
}

const rootsOf = ({ allowedDirectories }: DuckdbSettings): ReadonlyArray<string> =>
  allowedDirectories.flatMap((one) =>
    one.includes("://") ? [] : [settled(resolve(one), 40) ?? resolve(one)]
  )

const isBelow = (path: string, roots: ReadonlyArray<string>): boolean =>
  roots.some((root) => (path + sep).startsWith(root.endsWith(sep) ? root : root + sep))

/** The path without links, as far as it exists and beyond: a link may lead to what is not there yet. */
const settled = (path: string, links: number): string | undefined => {
  const existing = attempt(() => realpathSync(path))
  const parent = dirname(path)
  if (existing !== undefined || parent === path) return existing ?? path
  const folder = settled(parent, links)
  if (folder === undefined || links === 0) return undefined
  const file = join(folder, basename(path))
  const target = attempt(() => readlinkSync(file))
  return target === undefined ? file : settled(resolve(folder, target), links - 1)
}

const attempt = <A>(work: () => A): A | undefined => {
  try {
    return work()
  } catch {
    return undefined
  }
}
