/** Parts of a command in fibers of their own, and their deadlines, for the path of every command. */
import { Cause, Effect, Exit, Fiber } from "effect"
import { setDeadline } from "./deadlines.ts"

/**
 * Runs the work in a fiber, so that it can be interrupted alone. `onFork` gets the fiber while it runs; what it returns
 * makes the result of the exit. An interruption of the caller interrupts the fiber and waits for its end.
 */
export const inFiber =
  <A, E, B, E2, R2>(
    onFork: (fiber: Fiber.Fiber<A, E>) => (exit: Exit.Exit<A, E>) => Effect.Effect<B, E2, R2>
  ) =>
  <R>(work: Effect.Effect<A, E, R>): Effect.Effect<A | B, E | E2, R | R2> =>
    Effect.contextWith((context) =>
      Effect.callback<A | B, E | E2, R | R2>((resume) => {
        const fiber = Effect.runForkWith(context)(work as Effect.Effect<A, E>)
        const ended = fiber.pollUnsafe()
        if (ended !== undefined) return resume(ended)
        const onEnd = onFork(fiber)
        fiber.addObserver((exit) => resume(onEnd(exit)))
        return Fiber.interrupt(fiber)
      })
    )

/** As `Effect.timeoutOrElse`. `late` runs after the interrupted work has ended; infinite milliseconds never expire. */
export const withinOrElse =
  <B, E2, R2>(millis: number, late: () => Effect.Effect<B, E2, R2>) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A | B, E | E2, R | R2> =>
    Effect.contextWith((context) =>
      inFiber<A, E, A | B, E | E2, R2>((fiber) => {
        let isLate = false
        const cancel = setDeadline(context, millis, () => {
          isLate = true
          fiber.interruptUnsafe()
        })
        return (exit) => {
          cancel()
          return isLate && isInterrupted(exit) ? Effect.suspend(late) : exit
        }
      })(work)
    )

/** Runs `meanwhile` when the work takes longer than so many milliseconds. The work goes on. */
export const whenLonger =
  (millis: number, meanwhile: Effect.Effect<void>) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.contextWith((context) => {
      const cancel = setDeadline(context, millis, () => void Effect.runForkWith(context)(meanwhile))
      return Effect.ensuring(work, Effect.sync(cancel))
    })

const isInterrupted = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
