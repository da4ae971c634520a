/** All checks, in the order in which an operator mends things. */
import { Clock, Effect } from "effect"
import { readFile } from "node:fs/promises"
import { controlPlaneOf, queueOf } from "../config/backends.ts"
import type { Values } from "../config/settings.ts"
import { type Check, type Finding, problem } from "../domain/Finding.ts"
import { files } from "./files.ts"
import { host } from "./host.ts"

export type { Finding } from "../domain/Finding.ts"

export interface Examination {
  /** Bytes that this process may take; undefined without a limit. */
  readonly memory?: Effect.Effect<number | undefined>
  /** Gets the findings of each check as soon as it has ended. */
  readonly report?: (findings: ReadonlyArray<Finding>) => Effect.Effect<void>
}

export const examine = Effect.fnUntraced(function* (values: Values, options: Examination = {}) {
  const report = options.report ?? (() => Effect.void)
  const now = yield* Clock.currentTimeMillis
  const memory = yield* options.memory ?? memoryLimit
  const checks: ReadonlyArray<Check> = [
    files(values),
    host(values, memory),
    queueOf(values).check?.(values) ?? nothing,
    controlPlaneOf(values).check?.(values) ?? nothing
  ]
  const all = yield* Effect.forEach(
    checks,
    (check, i) =>
      check(now).pipe(
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () => Effect.succeed([unanswered(names[i] ?? "")])
        }),
        Effect.tap(report)
      ),
    { concurrency: "unbounded" }
  )
  const findings: ReadonlyArray<Finding> = all.flat()
  return findings
})

/** No check may keep the others from being read. */
const patience = "30 seconds"

const names = ["files", "host", "queue", "control plane"]

const unanswered = (about: string): Finding =>
  problem(
    about,
    `the check did not end within ${patience}`,
    "see whether the address answers at all, and how fast"
  )

const nothing: Check = () => Effect.succeed([])

/** The container's, where there is one. */
const memoryLimit = Effect.promise(async () => {
  for (const path of ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]) {
    const bytes = Number(await readFile(path, "utf8").catch(() => ""))
    // Without a limit it says "max", or a number that no machine has.
    if (Number.isFinite(bytes) && bytes > 0 && bytes < 2 ** 50) return bytes
  }
  return undefined
})
