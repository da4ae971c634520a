/** The flags that every command takes: those of the settings, and where more settings are. */
import { Context, Option } from "effect"
import { Flag } from "effect/cli"
import { onOff, text } from "./flags.ts"
import type { Setting } from "../config/Setting.ts"
import { settings, type Values } from "../config/settings.ts"

/** What was given to the command, whichever it is. */
export class Arguments extends Context.Service<
  Arguments,
  {
    /** Settings by flag. */
    readonly flags: ReadonlyMap<string, string>
    readonly verbose: boolean
    /** Path of a TOML file. */
    readonly config: string | undefined
    /** Path of a file with variables. */
    readonly envFile: string | undefined
    /** Defaults of the executable where they are others than the settings'. */
    readonly defaults: Partial<Values>
  }
>()("noetl-worker/cli/Arguments") {}

const settingFlags = Object.fromEntries(
  (Object.values(settings) as ReadonlyArray<Setting>).flatMap(({ alias, doc, flag, type }) =>
    flag === undefined ? [] : [[flag, aliased(text(flag, doc, metavarOf(type.schema)), alias)]]
  )
)

/** Flags of every executable. */
export const sharedFlags = {
  config: text("config", "TOML file with settings.", "FILE"),
  envFile: text(
    "env-file",
    "File with variables; .env in the working directory is read when it is there.",
    "FILE"
  ),
  verbose: Flag.withAlias(onOff("verbose", "Log what happens in detail."), "v")
}

/** Flags of the worker's executable. */
export const workerFlags = {
  settings: settingFlags,
  ...sharedFlags
}

export const argumentsOf = (
  input: {
    readonly settings?: Readonly<Record<string, Option.Option<string>>>
    readonly config: Option.Option<string>
    readonly envFile: Option.Option<string>
    readonly verbose: boolean
  },
  defaults: Partial<Values> = {}
): Arguments["Service"] => ({
  defaults,
  flags: new Map(
    Object.entries(input.settings ?? {}).flatMap(([flag, value]) =>
      Option.isSome(value) ? [[flag, value.value] as const] : []
    )
  ),
  verbose: input.verbose,
  config: Option.getOrUndefined(input.config),
  envFile: Option.getOrUndefined(input.envFile)
})

function aliased<A>(flag: Flag.Flag<A>, alias: string | undefined): Flag.Flag<A> {
  return alias === undefined ? flag : Flag.withAlias(flag, alias)
}

function metavarOf({ type }: Readonly<Record<string, unknown>>): string {
  return type === "integer" || type === "number" ? "NUMBER" : "TEXT"
}
