/** How help, usage errors and the version read. Lines keep to 80 columns. */
import { Option } from "effect"
import { CliOutput, Flag, GlobalFlag, type HelpDoc } from "effect/cli"
import { announce } from "../telemetry/Telemetry.ts"
import { styleOf } from "./style.ts"
import { print } from "./print.ts"

/** `-h` and `-v` are flags of settings, so these have no short name. */
export const builtIns = [
  GlobalFlag.Action({
    flag: Flag.Boolean("help").pipe(Flag.withDescription("Show this text."), Flag.withDefault(false)),
    run: GlobalFlag.Help.run
  }),
  GlobalFlag.Action({
    flag: Flag.Boolean("version").pipe(Flag.withDescription("Show the version."), Flag.withDefault(false)),
    run: GlobalFlag.Version.run
  }),
  GlobalFlag.Completions
]

/** What was asked for goes to stdout, what went wrong to stderr. The notes stand at the end of the executable's own help. */
export const presenter = (program: {
  readonly notes: string
  readonly runsBare: boolean
}): CliOutput.Presenter => ({
  present: (event) => {
    switch (event._tag) {
      case "Help":
        return print(event.commandPath.length === 1 ? ownHelp(event.helpDoc, program) : helpOf(event.helpDoc))
      case "Version":
        return print(`${event.name} ${event.version}\n`)
      case "InvalidInvocation": {
        const [program = ""] = event.commandPath
        const messages = event.errors.map(({ message }) => `${program}: ${message}`)
        return announce([...messages, `Try ${event.commandPath.join(" ")} --help.`].join("\n"))
      }
    }
  }
})

const width = 80

const ownHelp = (
  doc: HelpDoc.HelpDoc,
  { notes, runsBare }: { readonly notes: string; readonly runsBare: boolean }
): string => {
  const [name = ""] = doc.commandPath ?? []
  const usage = runsBare ? [`${name} [flags]`, doc.usage] : [doc.usage]
  const flags = [...doc.flags, ...(doc.globalFlags ?? [])]
  return `${textOf(doc, usage, flags)}\n${notes}\n`
}

/** Flags of the executable are named only: its own help has them. */
const helpOf = (doc: HelpDoc.HelpDoc): string => {
  const [name = ""] = doc.commandPath ?? []
  const more = `Flags of every command: ${name} --help`
  return `${textOf(doc, [doc.usage], doc.flags)}\n${more}\n`
}

const textOf = (
  doc: HelpDoc.HelpDoc,
  usage: ReadonlyArray<string>,
  flags: ReadonlyArray<HelpDoc.FlagDoc>
): string => {
  const style = styleOf(process.stdout)
  const section = (title: string, lines: ReadonlyArray<string>) =>
    lines.length === 0 ? [] : ["", style.bold(title), ...lines]
  const commands = (doc.subcommands ?? []).flatMap((group) => group.commands)
  return [
    ...wrapped(doc.description, width),
    ...section(
      "Usage",
      usage.map((line) => `  ${line}`)
    ),
    ...section(
      "Arguments",
      rows((doc.args ?? []).map(({ description, name }) => [name, Option.getOrElse(description, () => "")]))
    ),
    ...section("Commands", rows(commands.map((c) => [c.name, c.shortDescription ?? c.description]))),
    ...section("Flags", rows(flags.map(flagRow))),
    ...section("Examples", (doc.examples ?? []).flatMap(exampleLines)),
    ""
  ].join("\n")
}

const exampleLines = ({ command, description }: HelpDoc.ExampleDoc): ReadonlyArray<string> => [
  ...(description === undefined ? [] : [`  # ${description}`]),
  `  ${command}`
]

const flagRow = ({ aliases, description, name, type }: HelpDoc.FlagDoc): readonly [string, string] => {
  const short = aliases.find((alias) => /^-[^-]$/.test(alias))
  const value = type === "boolean" ? "" : ` ${type}`
  const left = `${short === undefined ? "    " : `${short}, `}--${name}${value}`
  return [left, Option.getOrElse(description, () => "")]
}

/** Two columns; a left side that is too long has a line of its own. */
export const rows = (pairs: ReadonlyArray<readonly [string, string]>): ReadonlyArray<string> => {
  const column = Math.min(26, Math.max(0, ...pairs.map(([left]) => left.length)) + 4)
  return pairs.flatMap(([left, right]) => {
    const [first = "", ...rest] = wrapped(right, width - column)
    const start = `  ${left}`
    const head =
      start.length < column - 1
        ? [`${start.padEnd(column)}${first}`]
        : [start, `${" ".repeat(column)}${first}`]
    return [...head, ...rest.map((line) => `${" ".repeat(column)}${line}`)].map((line) => line.trimEnd())
  })
}

const wrapped = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= columns)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
