/** Which files a playbook may name: those below the allowed directories, wherever links lead. */
import { readlinkSync, realpathSync } from "node:fs"
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
