/** What a child may use, and the few lines of shell that hold it to that before it becomes the program. */
import type { Marker } from "./ProcessTree.ts"

export interface Limits {
  /** Address space in bytes. Runtimes that reserve much and use little (node, java) need a large one. */
  readonly memoryBytes?: number | undefined
  readonly cpuSeconds?: number | undefined
  /** The largest file that it may write. */
  readonly fileBytes?: number | undefined
}

/** The smaller of each: a playbook can only tighten what the worker allows. */
export const tighter = (a: Limits, b: Limits): Limits => ({
  memoryBytes: smaller(a.memoryBytes, b.memoryBytes),
  cpuSeconds: smaller(a.cpuSeconds, b.cpuSeconds),
  fileBytes: smaller(a.fileBytes, b.fileBytes)
})

/**
 * The argument vector that sets the limits and then replaces itself with the program, so that the pid stays.
 *
 * - The kernel takes the process with the highest `oom_score_adj` first: a child, not the worker.
 * - The CPU limit is soft, then hard a little later, because only the soft one says why (SIGXCPU).
 * - `ulimit -m` limits nothing on Linux. It is the mark by which a descendant is found; see ProcessTree.ts.
 */
export const wrapped = (
  program: ReadonlyArray<string>,
  limits: Limits,
  marker: Marker,
  oomScoreAdj: number
): readonly [string, ...Array<string>] => {
  const required = [
    limits.memoryBytes === undefined ? "" : `ulimit -v ${Math.ceil(limits.memoryBytes / 1024)}`,
    limits.cpuSeconds === undefined
      ? ""
      : `ulimit -St ${limits.cpuSeconds} && ulimit -Ht ${limits.cpuSeconds + 2}`,
    // In blocks of 512 bytes: every shell that is called `sh` counts like that.
    limits.fileBytes === undefined ? "" : `ulimit -f ${Math.ceil(limits.fileBytes / 512)}`
  ].filter((line) => line !== "")
  const script = [
    `ulimit -m ${marker.limitKiB} 2>/dev/null`,
    `{ echo ${oomScoreAdj} >/proc/self/oom_score_adj; } 2>/dev/null`,
    ...required.map((line) => `${line} || exit 126`),
    'exec "$@"'
  ].join("\n")
  return ["/bin/sh", "-c", script, "sh", ...program]
}

const smaller = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
