/** The command line: words → one of the commands, each loaded when it is the one: the worker must start fast. */
import { Effect, Result } from "effect"
import { announce } from "../telemetry/Telemetry.ts"
import { help, parse, Said, UsageError } from "./options.ts"
import { survivePipes } from "./signals.ts"
import { version } from "./version.ts"

export const run = Effect.fnUntraced(function* (argv: ReadonlyArray<string>) {
  survivePipes()
  const parsed = parse(argv)
  if (Result.isFailure(parsed)) return yield* parsed.failure
  const args = parsed.success
  if (args.switches.has("help")) return yield* print(help())
  if (args.switches.has("version")) return yield* print(`noetl-worker ${version}\n`)
  const [command = "worker", ...rest] = args.positionals
  const extra = rest[0]
  if (command === "rhai") return yield* (yield* loaded(() => import("./rhai.ts"))).rhai(extra)
  if (command === "dead-letters")
    return yield* (yield* loaded(() => import("./deadLetters.ts"))).deadLetters(args, rest)
  if (extra !== undefined)
    return yield* new UsageError({ message: `${command} takes no argument "${extra}"` })
  switch (command) {
    case "worker":
      return yield* (yield* loaded(() => import("./worker.ts"))).worker(args)
    case "demo":
      return yield* (yield* loaded(() => import("./demo.ts"))).demo(args)
    case "doctor":
      return yield* (yield* loaded(() => import("./doctor.ts"))).doctor(args)
    case "config":
      return yield* (yield* loaded(() => import("./config.ts"))).config(args)
    case "help":
      return yield* print(help())
    default:
      return yield* new UsageError({ message: `there is no command "${command}"` })
  }
})

/** Errors that an operator can mend are written without a stack. */
export const sayErrors = Effect.catchTags({
  UsageError: (error: UsageError) =>
    Effect.andThen(
      announce(`noetl-worker: ${error.message}\nTry noetl-worker --help.`),
      Effect.fail(new Said())
    ),
  ConfigProblems: (error: { readonly message: string }) =>
    Effect.andThen(announce(`noetl-worker: ${error.message}`), Effect.fail(new Said())),
  JournalError: (error: { readonly message: string }) =>
    Effect.andThen(announce(`noetl-worker: ${error.message}`), Effect.fail(new Said())),
  ControlPlaneError: (error: { readonly message: string }) =>
    Effect.andThen(announce(`noetl-worker: ${error.message}`), Effect.fail(new Said()))
})

/** A file of this program that is not there is a defect. */
const loaded = <A>(load: () => Promise<A>): Effect.Effect<A> => Effect.promise(load)

const print = (text: string) => Effect.sync(() => void process.stdout.write(text))
