/**
 * The end of the process. The operator's first signal interrupts the program, which drains; the second one exits 130 at
 * once; past the grace the exit is 124, whatever hangs. A stray error of a library drains as well and exits 1. A closed
 * log pipe ends nothing: commands go on without a log.
 */
import { Cause, Duration, Effect, Exit, Runtime } from "effect"

interface SignalState {
  /** The operator's signals. */
  signals: number
  /** The process interrupts itself with a signal, which is not the operator's. */
  own: number
  stopping: boolean
  failed: boolean
  /** The exit code of a stop that was asked for. */
  code: number
}

/** What the process has received so far: it is one for the process. */
const state: SignalState = { signals: 0, own: 0, stopping: false, failed: false, code: 0 }

/** Limits how long the end may take, from the first signal on. */
export const graceful = (grace: Duration.Duration): Effect.Effect<void> =>
  Effect.sync(() => {
    survivePipes()
    const startGrace = () => {
      if (state.stopping) return
      state.stopping = true
      setTimeout(() => {
        write(`the grace of ${Duration.toSeconds(grace)} s is over: exit now\n`)
        process.exit(124)
      }, Duration.toMillis(grace)).unref()
    }
    const onSignal = (signal: NodeJS.Signals) => {
      startGrace()
      if (state.own > 0) {
        state.own -= 1
        return
      }
      state.signals += 1
      if (state.signals < 2) return
      write(`second ${signal}: exit now\n`)
      process.exit(130)
    }
    process.on("SIGTERM", onSignal)
    process.on("SIGINT", onSignal)
    for (const event of ["uncaughtException", "unhandledRejection"] as const) {
      process.on(event, (cause) => {
        // Finalizers still have to run, and the exit has to tell.
        write(`${event}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`)
        state.failed = true
        if (state.stopping) return
        state.own += 1
        process.kill(process.pid, "SIGTERM")
      })
    }
  })

/** A command whose stop is no success says so with its exit code. */
export const stopExitsWith = (code: number): Effect.Effect<void> =>
  Effect.sync(() => {
    state.code = code
  })

/**
 * Ends the process with 0 once everything is written: what is left are timers that nothing waits for, and the runtime
 * would wait for them.
 */
export const leave: Effect.Effect<void> = Effect.callback<void>(() => {
  process.stdout.write("", () => process.stderr.write("", () => process.exit(0)))
})

/** The reader of the output may go away at any time: what is written after that is lost, and nothing else. */
export const survivePipes = (): void => {
  for (const stream of [process.stdout, process.stderr])
    if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore)
}

const ignore = (): void => {}

const write = (text: string): void => {
  try {
    process.stderr.write(text)
  } catch {
    // The pipe is closed: there is no other place to tell it.
  }
}

/** A stop that was asked for and went well is exit 0. */
export const teardown: Runtime.Teardown = (exit, onExit) =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) && state.stopping
    ? onExit(state.failed ? 1 : state.code)
    : Runtime.defaultTeardown(exit, onExit)
