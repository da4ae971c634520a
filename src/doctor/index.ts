/** All checks, in the order a person mends things. */
import { Clock, Effect } from "effect"
import { readFile } from "node:fs/promises"
import type { Values } from "../config/settings.ts"
import { files } from "./files.ts"
import type { Finding } from "./Finding.ts"
import { host } from "./host.ts"
import { nats } from "./nats.ts"
import { server } from "./server.ts"

export type { Finding } from "./Finding.ts"

export const examine = Effect.fnUntraced(function* (
  values: Values,
  limit: Effect.Effect<number | undefined> = memoryLimit
) {
  const facts = { values, now: yield* Clock.currentTimeMillis, memoryLimit: yield* limit }
  const all = yield* Effect.forEach([files, host, nats, server], (check) => check(facts), {
    concurrency: "unbounded"
  })
  const findings: ReadonlyArray<Finding> = all.flat()
  return findings
})

/** The container's, where there is one. */
const memoryLimit = Effect.promise(async () => {
  for (const path of ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]) {
    const bytes = Number(await readFile(path, "utf8").catch(() => ""))
    // Without a limit it says "max", or a number that no machine has.
    if (Number.isFinite(bytes) && bytes > 0 && bytes < 2 ** 50) return bytes
  }
  return undefined
})
