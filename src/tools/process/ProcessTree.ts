/**
 * All processes of one command, wherever they went, and how to end them. They are found by several marks, because each of
 * them can be got rid of alone:
 *
 * - their session, as long as the first process lives;
 * - their descent: children of what was found, and orphans, which come back to the command's reaper (reaper.ts);
 * - a limit on resident memory, which has had no effect since Linux 2.4.30: every command gets a value of its own, far
 *   above any memory there is, and it is inherited;
 * - a variable in the environment.
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
  const members = new Set(all.filter((one) => isMarked(one, leader)).map(({ pid }) => pid))
  // A child may stand before its parent in the list.
  for (let before = -1; before !== members.size;) {
    before = members.size
    for (const { parent, pid } of all) if (members.has(parent)) members.add(pid)
  }
  return all.filter(({ pid }) => members.has(pid))
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

const isMarked = ({ pid, session }: Process, { isOurs, marker, pid: leader }: Leader): boolean =>
  (session === leader && isOurs()) ||
  readText(`/proc/${pid}/limits`)?.includes(String(BigInt(marker.limitKiB) * 1024n)) === true ||
  readText(`/proc/${pid}/environ`)?.includes(`${variable}=${marker.token}`) === true

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
  if (membersOf(leader).length === 0) return []
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
  const members = found(leader)
  // Orphans come to the reaper only as long as it lives: it goes last, and by itself.
  const others = leader.reaps ? members.filter(({ pid }) => pid !== leader.pid) : members
  const targets = others.length === 0 ? members : others
  // The groups first: the kernel signals all of one at once, so that a fork bomb cannot outrun the list.
  const pids = new Set(targets.map(({ pid }) => pid))
  const groups = new Set(targets.filter(({ group }) => pids.has(group)).map(({ group }) => group))
  for (const group of groups) kill(-group, name)
  for (const pid of pids) kill(pid, name)
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
