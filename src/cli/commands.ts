/** The commands that both executables have: their words, flags and help. What they do is loaded when it is asked for. */
import { Option } from "effect"
import { Argument, Command } from "effect/cli"
import { isPositive, onOff } from "./flags.ts"
import { lazily } from "./lazily.ts"

export const json = onOff("json", "Print JSON.")

/** A command of which one of the commands below it has to be chosen: without one it shows its help. */
export const group = <const Name extends string>(name: Name) => Command.make(name)

export const demo = Command.make(
  "demo",
  { keep: onOff("keep", "Let the worker go on afterwards, until Ctrl-C.") },
  ({ keep }) =>
    lazily(
      () => import("./demo.ts"),
      (module) => module.demo(keep)
    )
).pipe(Command.withDescription("Work a few example commands in this process, without a server or a broker."))

export const rhai = Command.make(
  "rhai",
  {
    script: Argument.String("SCRIPT").pipe(
      Argument.withDescription("File to run. Without it there is a prompt."),
      Argument.optional
    )
  },
  ({ script }) =>
    lazily(
      () => import("./rhai.ts"),
      (module) => module.rhai(Option.getOrUndefined(script))
    )
).pipe(
  Command.withDescription("Run a Rhai script, or try the language at a prompt."),
  Command.withExamples([{ command: "noetl-worker rhai report.rhai" }])
)

export const config = Command.make(
  "config",
  {
    explain: onOff("explain", "Each setting: value, source, default and names. This is the default."),
    changed: onOff("changed", "With --explain: only settings that were given."),
    example: onOff("example", "A TOML file with each setting as a comment."),
    schema: onOff("schema", "JSON Schema of that file."),
    json
  },
  (input) =>
    lazily(
      () => import("./config.ts"),
      (module) => module.config(input)
    )
).pipe(
  Command.withDescription("Show the settings: their values, where they came from, and their names."),
  Command.withExamples([
    { command: "noetl-worker config --explain --changed" },
    { command: "noetl-worker config --example > worker.toml" }
  ])
)

export const doctor = Command.make("doctor", { json }, (input) =>
  lazily(
    () => import("./doctor.ts"),
    (module) => module.doctor(input)
  )
).pipe(
  Command.withDescription(
    "Find what is wrong around the worker, why, and what to do. Exit 1 when something keeps it from working."
  )
)

const letter = Argument.Int("NUMBER").pipe(
  Argument.withDescription("Number of the message, as list prints it."),
  Argument.filter(...isPositive)
)

export const deadLetters = group("dead-letters").pipe(
  Command.withDescription("Messages that were given up: see why, try them again, delete them."),
  Command.withSubcommands([
    Command.make("list", {}, () =>
      lazily(
        () => import("./deadLetters.ts"),
        (module) => module.list
      )
    ).pipe(Command.withDescription("List the messages, one JSON document a line.")),
    Command.make("show", { number: letter }, ({ number }) =>
      lazily(
        () => import("./deadLetters.ts"),
        (module) => module.show(number)
      )
    ).pipe(Command.withDescription("Show one message with its body.")),
    Command.make(
      "retry",
      {
        which: Argument.String("NUMBER|all").pipe(
          Argument.withDescription("Number of the message, or all of them.")
        )
      },
      ({ which }) =>
        lazily(
          () => import("./deadLetters.ts"),
          (module) => module.retry(which)
        )
    ).pipe(Command.withDescription("Publish a message again as a command, and remove it from the list.")),
    Command.make("purge", { number: Argument.optional(letter) }, ({ number }) =>
      lazily(
        () => import("./deadLetters.ts"),
        (module) => module.purge(Option.getOrUndefined(number))
      )
    ).pipe(Command.withDescription("Delete one message, or all of them."))
  ])
)
