/**
 * Users that programs run as, one for each program at a time: another command's environment, its pipes and the worker's
 * memory are out of their reach then, and every process of a user is the program's, whatever it did to hide.
 *
 * The worker needs SETUID, SETGID and KILL for it, as root without any other capability.
 */
import { Effect, Latch, type Scope } from "effect"
import { ToolError, Unavailable } from "../../domain/ToolError.ts"

/** First and last number of users that nothing else has. */
export interface UserRange {
  readonly from: number
  readonly to: number
}

export interface Users {
  /** The number of a user that no other program has; undefined where all run as the worker does. */
  readonly acquire: Effect.Effect<User | undefined, ToolError, Scope.Scope>
}

export interface User {
  readonly id: number
  /** A process of it could not be ended: no other program gets it. */
  readonly retire: () => void
}

export const make = (range: UserRange | undefined): Effect.Effect<Users> =>
  Effect.gen(function* () {
    if (range === undefined) return { acquire: Effect.succeed(undefined) }
    const free = Array.from({ length: range.to - range.from + 1 }, (_, i) => range.from + i)
    const returned = yield* Latch.make(false)
    const take: Effect.Effect<number> = Effect.suspend(() => {
      const one = free.shift()
      if (one !== undefined) return Effect.succeed(one)
      return Effect.andThen(returned.close, Effect.andThen(returned.await, take))
    })
    const give = (id: number, retired: boolean) =>
      retired
        ? Effect.void
        : Effect.andThen(
            Effect.sync(() => void free.push(id)),
            returned.open
          )
    const acquire = Effect.acquireRelease(
      Effect.map(take, (id) => {
        const state = { retired: false }
        return { id, state, retire: () => void (state.retired = true) }
      }),
      ({ id, state }) => give(id, state.retired)
    )
    return { acquire: Effect.andThen(mayChange, acquire) }
  })

const mayChange: Effect.Effect<void, ToolError> = Effect.suspend(() =>
  process.getuid?.() === 0
    ? Effect.void
    : Effect.fail(
        new ToolError({
          tool: "process",
          reason: new Unavailable({
            detail:
              "WORKER_TOOL_USERS is set, and this process may not change users: run it as root with the capabilities SETUID, SETGID and KILL alone (docs/security.md), or unset it"
          })
        })
      )
)
