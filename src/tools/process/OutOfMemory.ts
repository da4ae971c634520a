/** Tells a process that the kernel killed for memory from one that was killed by a signal. */
import { readFileSync } from "node:fs"

export interface OutOfMemory {
  /** How many processes the kernel has killed so far: a number to compare with a later one. */
  readonly kills: () => number
}

/**
 * Counts in this container's memory group (both generations of cgroups) and on the whole machine. The group's own
 * count alone would miss a kill that the machine's memory caused, and a group inside a container may not be readable.
 */
export const make = (read: (path: string) => string | undefined = readOrUndefined): OutOfMemory => {
  const sources = sourcesOf(read("/proc/self/cgroup") ?? "").filter(({ path }) => read(path) !== undefined)
  return {
    kills: () =>
      sources.reduce((sum, { path, count }) => sum + Number(count.exec(read(path) ?? "")?.[1] ?? 0), 0)
  }
}

const sourcesOf = (cgroups: string): ReadonlyArray<{ readonly path: string; readonly count: RegExp }> => {
  const paths = cgroups.split("\n").flatMap((line) => {
    const [, controllers, path] = line.split(":")
    if (path === undefined) return []
    if (controllers === "") return [`/sys/fs/cgroup${path === "/" ? "" : path}/memory.events`]
    return controllers?.split(",").includes("memory") === true
      ? [`/sys/fs/cgroup/memory${path}/memory.oom_control`, "/sys/fs/cgroup/memory/memory.oom_control"]
      : []
  })
  const own = [...new Set([...paths, "/sys/fs/cgroup/memory.events"])]
  return [...own, "/proc/vmstat"].map((path) => ({ path, count: /^oom_kill (\d+)$/m }))
}

const readOrUndefined = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
