/**
 * All processes of one command, wherever they went, and how to end them. They are found by several marks, because each of
 * them can be got rid of alone:
 *
 * - their session, as long as the first process lives;
 * - their descent: children of what was found, and orphans, which come back to the command's reaper (reaper.ts);
 * - a limit on resident memory, which has had no effect since Linux 2.4.30: every command gets a value of its own, far
 *   above any memory there is, and it is inherited;
 * - a variable in the environment;
 * - its user, where each program has one of its own.
 *
 * Without /proc (macOS) only the process group is known.
 */
import { Clock, Duration, Effect } from "effect"
import { randomBytes } from "node:crypto"
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs"

export interface Marker {
  /** Value of NOETL_COMMAND_TOKEN in the environment. */
  readonly token: string
  /** The limit as `ulimit -m` takes it. */
  readonly limitKiB: number
  /** Ticks since the machine started, as in `/proc/<pid>/stat`: older processes are skipped. */
  readonly since: number
}

export const variable = "NOETL_COMMAND_TOKEN"

/** To be made before the command starts. */
export const makeMarker = (): Marker => ({
  token: randomBytes(12).toString("hex"),
  limitKiB: 2 ** 50 + randomBytes(6).readUIntBE(0, 6),
  since: Math.floor(Number.parseFloat(readText("/proc/uptime") ?? "0") * ticksPerSecond) - 2
})

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const ticksPerSecond = 100

export interface Leader {
  /** Its pid, which is also its session. */
  readonly pid: number
  readonly marker: Marker
  /** Its user, which no other program has, if it has one of its own. */
  readonly user?: number | undefined
  /** Whether it waits for all that the program leaves, and ends by itself after that. */
  readonly reaps: boolean
  /** Whether the pid still is this process: after it was waited for, the number may belong to another process. */
  readonly isOurs: () => boolean
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
}

/** Processes of a command that run, zombies aside. */
export const membersOf = (leader: Leader): ReadonlyArray<number> => found(leader).map(({ pid }) => pid)

const found = (leader: Leader): ReadonlyArray<Process> => {
  const pids = numericEntries("/proc")
  if (pids === undefined)
    return kill(-leader.pid, 0)
      ? [{ pid: leader.pid, parent: 0, group: leader.pid, session: leader.pid }]
      : []
  // Every command of every worker reads all processes of the machine: this has to be quick.
  const buffer = Buffer.allocUnsafe(1024)
  const all = pids.flatMap((pid) => processAt(pid, leader.marker.since, buffer))
  const members = new Set<number>()
  if (leader.isOurs()) for (const { pid, session } of all) if (session === leader.pid) members.add(pid)
  addDescendants(members, all)
  // The marks of a process are in three files: those of the descendants need not be read.
  for (const { pid } of all) if (!members.has(pid) && isMarked(pid, leader)) members.add(pid)
  addDescendants(members, all)
  return all.filter(({ pid }) => members.has(pid))
}

const addDescendants = (members: Set<number>, all: ReadonlyArray<Process>): void => {
  // A child may stand before its parent in the list.
  for (let before = -1; before !== members.size;) {
    before = members.size
    for (const { parent, pid } of all) if (members.has(parent)) members.add(pid)
  }
}

const processAt = (pid: number, since: number, buffer: Buffer): ReadonlyArray<Process> => {
  const stat = readStart(`/proc/${pid}/stat`, buffer)
  if (stat === undefined || pid === process.pid) return []
  // The name in parentheses may contain anything, parentheses included.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 20)
  const [state, parent, group, session] = fields
  if (state === "Z" || state === "X" || Number(fields[19]) < since) return []
  return [{ pid, parent: Number(parent), group: Number(group), session: Number(session) }]
}

const isMarked = (pid: number, { marker, user }: Leader): boolean =>
  (user !== undefined && userOf(pid) === user) ||
  readText(`/proc/${pid}/limits`)?.includes(String(BigInt(marker.limitKiB) * 1024n)) === true ||
  readText(`/proc/${pid}/environ`)?.includes(`${variable}=${marker.token}`) === true

/** The group of the program at once: the kernel signals all of it, so that a fork bomb cannot outrun the list. */
const signalProgram = ({ isOurs, pid, reaps }: Leader, name: NodeJS.Signals): ReadonlySet<number> => {
  return new Set(reaps && isOurs() ? childrenOf(pid).filter((child) => kill(-child, name)) : [])
}

const childrenOf = (pid: number): ReadonlyArray<number> =>
  (readText(`/proc/${pid}/task/${pid}/children`) ?? "").split(" ").filter(Boolean).map(Number)

/** By `/proc/<pid>/status`: the owner of the folder is root for a process that may not be traced. */
const userOf = (pid: number): number | undefined => {
  const real = /^Uid:\s+(\d+)/m.exec(readText(`/proc/${pid}/status`) ?? "")?.[1]
  return real === undefined ? undefined : Number(real)
}

/** Whether a process exists and is no zombie. */
export const runs = (pid: number): boolean => {
  const stat = readText(`/proc/${pid}/stat`)
  return stat === undefined
    ? numericEntries("/proc") === undefined && kill(pid, 0)
    : !/^\d+ \([^]*\) [ZX] /.test(stat)
}

/**
 * TERM, the grace, then KILL until nothing is left. Answers the processes that are still there after all of it:
 * none, but for a process in an uninterruptible system call.
 */
export const end = Effect.fnUntraced(function* (leader: Leader, grace: Duration.Duration) {
  if (!leader.isOurs() && membersOf(leader).length === 0) return []
  signal(leader, "SIGTERM")
  // A stopped process takes its TERM only when it runs on.
  signal(leader, "SIGCONT")
  if ((yield* gone(leader, grace)).length === 0) return []
  const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(killFor)
  // Again and again, because a process may fork between the scan and the signal.
  while ((yield* Clock.currentTimeMillis) < deadline) {
    signal(leader, "SIGKILL")
    if ((yield* gone(leader, Duration.millis(50))).length === 0) return []
  }
  return membersOf(leader)
})

const killFor = Duration.seconds(10)

/** Scans until no process is left or the time is over; quickly at first, because most processes end at once. */
const gone = Effect.fnUntraced(function* (leader: Leader, within: Duration.Duration) {
  const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(within)
  let pause = 2
  let members = membersOf(leader)
  while (members.length > 0 && (yield* Clock.currentTimeMillis) < deadline) {
    yield* Effect.sleep(Duration.millis(pause))
    pause = Math.min(pause * 2, 100)
    members = membersOf(leader)
  }
  return members
})

const signal = (leader: Leader, name: NodeJS.Signals): void => {
  if (numericEntries("/proc") === undefined) return void kill(-leader.pid, name)
  const told = signalProgram(leader, name)
  const members = found(leader)
  // Orphans come to the reaper only as long as it lives: it goes last, and by itself.
  const others = leader.reaps ? members.filter(({ pid }) => pid !== leader.pid) : members
  const targets = (others.length === 0 ? members : others).filter(({ group }) => !told.has(group))
  const pids = new Set(targets.map(({ pid }) => pid))
  const groups = new Set(targets.filter(({ group }) => pids.has(group)).map(({ group }) => group))
  for (const group of groups) kill(-group, name)
  for (const { group, pid } of targets) if (!groups.has(group)) kill(pid, name)
}

const kill = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

const numericEntries = (directory: string): ReadonlyArray<number> | undefined => {
  try {
    const pids = readdirSync(directory).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
    return pids.length === 0 ? undefined : pids
  } catch {
    return undefined
  }
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    return undefined
  }
}

const readStart = (path: string, buffer: Buffer): string | undefined => {
  try {
    const fd = openSync(path, "r")
    try {
      return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}
