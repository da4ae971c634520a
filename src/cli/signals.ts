/**
 * The end of the process. The first signal interrupts the program, which drains; a second one exits 130 at once; past
 * the grace the exit is 124, whatever hangs.
 */
import { Cause, Duration, Effect, Exit, Runtime } from "effect"

interface SignalState {
  stopping: boolean
  failed: boolean
}

/** What the process has been told so far: it is one for the process. */
const state: SignalState = { stopping: false, failed: false }

/** Limits how long the end may take, from the first signal on. */
export const graceful = (grace: Duration.Duration): Effect.Effect<void> =>
  Effect.sync(() => {
    const onSignal = (signal: NodeJS.Signals) => {
      if (state.stopping) {
        process.stderr.write(`second ${signal}: exit now\n`)
        process.exit(130)
      }
      state.stopping = true
      setTimeout(() => {
        process.stderr.write(`the grace of ${Duration.toSeconds(grace)} s is over: exit now\n`)
        process.exit(124)
      }, Duration.toMillis(grace)).unref()
    }
    process.on("SIGTERM", onSignal)
    process.on("SIGINT", onSignal)
    for (const event of ["uncaughtException", "unhandledRejection"] as const) {
      process.on(event, (cause) => {
        // A library's stray rejection: finalizers still have to run, and the exit has to tell.
        process.stderr.write(
          `${event}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`
        )
        state.failed = true
        process.kill(process.pid, "SIGTERM")
      })
    }
  })

/** A stop that was asked for and went well is exit 0. */
export const teardown: Runtime.Teardown = (exit, onExit) =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) && state.stopping
    ? onExit(state.failed ? 1 : 0)
    : Runtime.defaultTeardown(exit, onExit)
