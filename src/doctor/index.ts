/** All checks, in the order in which an operator mends things. */
import { Clock, Effect } from "effect"
import { controlPlaneOf, queueOf } from "../config/backends.ts"
import type { Values } from "../config/settings.ts"
import { type Check, type Finding, problem } from "../domain/Finding.ts"
import { memoryLimit } from "../domain/memoryBudget.ts"
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
  const memory = yield* options.memory ?? Effect.sync(memoryLimit)
  const checks: ReadonlyArray<readonly [name: string, check: Check]> = [
    ["files", files(values)],
    ["host", host(values, memory)],
    ["queue", queueOf(values).check?.(values) ?? nothing],
    ["control plane", controlPlaneOf(values).check?.(values) ?? nothing]
  ]
  const all = yield* Effect.forEach(
    checks,
    ([name, check]) =>
      check(now).pipe(
        Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed([unanswered(name)]) }),
        Effect.tap(report)
      ),
    { concurrency: "unbounded" }
  )
  const findings: ReadonlyArray<Finding> = all.flat()
  return findings
})

/** No check may keep the others from being read. */
const patience = "30 seconds"

const unanswered = (about: string): Finding =>
  problem(
    about,
    `the check did not end within ${patience}`,
    "see whether the address answers at all, and how fast"
  )

const nothing: Check = () => Effect.succeed([])
