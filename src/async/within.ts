/** Timeouts for the path of every command: the work is one fiber, its deadline an entry of a list. */
import { Cause, Effect, Exit, Fiber } from "effect"
import { setDeadline } from "./deadlines.ts"

/** As `Effect.timeoutOrElse`. `late` runs after the interrupted work has ended; infinite milliseconds never expire. */
export const withinOrElse =
  <B, E2, R2>(millis: number, late: () => Effect.Effect<B, E2, R2>) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A | B, E | E2, R | R2> =>
    Effect.contextWith((context) =>
      Effect.callback<A | B, E | E2, R | R2>((resume) => {
        const fiber = Effect.runForkWith(context)(work as Effect.Effect<A, E>)
        const ended = fiber.pollUnsafe()
        if (ended !== undefined) return resume(ended)
        let isLate = false
        const cancel = setDeadline(context, millis, () => {
          isLate = true
          fiber.interruptUnsafe()
        })
        fiber.addObserver((exit) => {
          cancel()
          resume(isLate && isInterrupted(exit) ? Effect.suspend(late) : exit)
        })
        return Fiber.interrupt(fiber)
      })
    )

const isInterrupted = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
