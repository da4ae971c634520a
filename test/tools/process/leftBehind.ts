/** Finds processes by a word on their command line: the test's own proof that nothing is left, apart from our search. */
import { Effect, Schedule } from "effect"
import { randomInt } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"

/** A number of seconds that no other `sleep` on the machine has. */
export const longTime = (): string => `9${randomInt(100_000, 999_999)}.${randomInt(1000, 9999)}`

export const processesWith = (word: string): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    try {
      const running = !/\) [ZX] /.test(readFileSync(`/proc/${name}/stat`, "latin1"))
      return running && readFileSync(`/proc/${name}/cmdline`, "latin1").includes(word) ? [Number(name)] : []
    } catch {
      return []
    }
  })

/** Waits until there is (or is no) such process. */
export const until = (condition: () => boolean): Effect.Effect<boolean> =>
  Effect.sync(condition).pipe(
    Effect.repeat({
      until: (true_) => true_,
      schedule: Schedule.max([Schedule.spaced("10 millis"), Schedule.recurs(1000)])
    }),
    Effect.map(() => condition())
  )
