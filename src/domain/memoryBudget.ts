/**
 * One budget for the memory of the process and what it starts. The limit is the container's (cgroup v1 and v2) or the
 * machine's; the shares add up to it, so that several users of memory at once do not end the process.
 */
import { totalmem } from "node:os"
import { getHeapStatistics } from "node:v8"

/** How many DuckDB databases work at a time, each with its part of their share. */
export const databasesAtOnce = 2

/** All in bytes. */
export interface MemoryBudget {
  readonly total: number
  /** JavaScript's heap, as Node was started. */
  readonly heap: number
  /** The process beside its heap: code, buffers, drivers. */
  readonly process: number
  /** All DuckDB databases together. */
  readonly databases: number
  /** Programs that tools start, Python included. */
  readonly programs: number
}

/** The two large users share what the heap and the process leave. */
export const budgetOf = (total: number, heap: number): MemoryBudget => {
  const own = Math.min(processBytes, total / 8)
  const left = Math.max(0, total - heap - own)
  const databases = Math.max(Math.floor(left / 2), Math.min(leastDatabases, total / 8))
  return { total, heap, process: own, databases, programs: Math.max(0, left - databases) }
}

/** What the container may take, in bytes; undefined without a limit. Node answers a number that no machine has then, or 0. */
export const memoryLimit = (): number | undefined => {
  const bytes = process.constrainedMemory()
  return bytes > 0 && bytes < 2 ** 50 ? bytes : undefined
}

/** Of this process. */
export const ownBudget = (): MemoryBudget => {
  const total = Math.min(memoryLimit() ?? Infinity, totalmem())
  return budgetOf(total, Math.min(getHeapStatistics().heap_size_limit, total))
}

/** `2048 MB: heap 820, process 160, databases 534, programs 534`. */
export const shownBudget = ({ databases, heap, process, programs, total }: MemoryBudget): string =>
  `${mb(total)} MB: heap ${mb(heap)}, process ${mb(process)}, databases ${mb(databases)}, programs ${mb(programs)}`

/** Whether the shares are more than there is: the heap alone leaves too little. */
export const isOverdrawn = ({ databases, heap, process, programs, total }: MemoryBudget): boolean =>
  heap + process + databases + programs > total

const mb = (bytes: number): number => Math.round(bytes / 1024 / 1024)

const processBytes = 160 * 1024 * 1024
/** Less makes every query spill. */
const leastDatabases = 128 * 1024 * 1024
