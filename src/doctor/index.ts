/** All checks, in the order in which an operator mends things. */
import { Clock, Effect } from "effect"
import { readFile } from "node:fs/promises"
import { controlPlaneOf, queueOf } from "../config/backends.ts"
import type { Values } from "../config/settings.ts"
import type { Check, Finding } from "../domain/Finding.ts"
import { files } from "./files.ts"
import { host } from "./host.ts"

export type { Finding } from "../domain/Finding.ts"

export const examine = Effect.fnUntraced(function* (
  values: Values,
  limit: Effect.Effect<number | undefined> = memoryLimit
) {
  const now = yield* Clock.currentTimeMillis
  const memory = yield* limit
  const checks: ReadonlyArray<Check> = [
    files(values),
    host(values, memory),
    queueOf(values).check?.(values) ?? nothing,
    controlPlaneOf(values).check?.(values) ?? nothing
  ]
  const all = yield* Effect.forEach(checks, (check) => check(now), { concurrency: "unbounded" })
  const findings: ReadonlyArray<Finding> = all.flat()
  return findings
})

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
