/** The command line as words → flags and positionals, from the same table as the environment. */
import { Data, Result } from "effect"
import { parseArgs } from "node:util"
import type { Setting } from "../config/Setting.ts"
import { settings } from "../config/settings.ts"
import { messageOf } from "../domain/messageOf.ts"

export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** Already said: the process only has to end with 1. */
export class Said extends Data.TaggedError("Said") {}

export interface Arguments {
  readonly positionals: ReadonlyArray<string>
  /** Settings that were given, by flag. */
  readonly flags: ReadonlyMap<string, string>
  /** Switches that were given. */
  readonly switches: ReadonlySet<string>
  readonly config: string | undefined
  readonly envFile: string | undefined
}

/** Switches of the commands. */
const switches = ["help", "version", "verbose", "keep", "explain", "schema", "example"] as const

const pollIntervalNote = "accepted for compatibility: messages are pushed, nothing is polled"

export const parse = (argv: ReadonlyArray<string>): Result.Result<Arguments, UsageError> =>
  Result.try({
    try: () => {
      const { positionals, values } = parseArgs({
        args: [...argv],
        allowPositionals: true,
        strict: true,
        options: {
          ...Object.fromEntries(
            flagged.map(({ alias, flag }) => [
              flag,
              { type: "string", ...(alias === undefined ? {} : { short: alias }) }
            ])
          ),
          ...Object.fromEntries(
            switches.map((name) => [name, { type: "boolean", ...(name === "verbose" ? { short: "v" } : {}) }])
          ),
          config: { type: "string" },
          "env-file": { type: "string" },
          "poll-interval": { type: "string", short: "p" }
        } as const
      })
      const given: Record<string, unknown> = values
      return {
        positionals,
        flags: new Map(
          flagged.flatMap(({ flag }) =>
            typeof given[flag] === "string" ? [[flag, given[flag]] as const] : []
          )
        ),
        switches: new Set(switches.filter((name) => given[name] === true)),
        config: typeof given["config"] === "string" ? given["config"] : undefined,
        envFile: typeof given["env-file"] === "string" ? given["env-file"] : undefined
      }
    },
    catch: (cause) => new UsageError({ message: messageOf(cause) })
  })

const flagged = (Object.values(settings) as ReadonlyArray<Setting>).flatMap(({ alias, doc, flag }) =>
  flag === undefined ? [] : [{ flag, alias, doc }]
)

export const help =
  (): string => `noetl-worker: takes commands of a NoETL server from NATS JetStream, works them, reports how they ended.

Usage
  noetl-worker [flags]                 run the worker
  noetl-worker demo [--keep]           work a few example commands in this process, without a server or a broker
  noetl-worker rhai [SCRIPT]           run a Rhai script, or try the language at a prompt
  noetl-worker config --explain        every setting: its value, where it came from, its default and its names
  noetl-worker config --example        a commented TOML file
  noetl-worker config --schema         JSON Schema of that file
  noetl-worker doctor                  what is wrong around the worker, why, and what to do
  noetl-worker dead-letters list       messages that were given up; also show N, retry N|all, purge [N]

Flags
${flagged.map(({ alias, doc, flag }) => row(`${alias === undefined ? "    " : `-${alias}, `}--${flag}`, doc)).join("\n")}
${row("-p, --poll-interval", pollIntervalNote)}
${row("    --config FILE", "TOML file with settings")}
${row("    --env-file FILE", "file with variables; .env in the working directory is read when it is there")}
${row("-v, --verbose", "log what happens in detail")}
${row("    --help", "this text")}
${row("    --version", "the version")}

Environment (the most used ones; all: noetl-worker config --explain)
${row("NOETL_SERVER_URL", "the NoETL server, http://localhost:8082")}
${row("NATS_URL", "the broker, nats://localhost:4222; user and password in it or in NATS_USER, NATS_PASSWORD")}
${row("WORKER_MAX_CONCURRENT", "commands that run at once, 4")}
${row("WORKER_STATE_DIR", "folder of the journal, so that a killed worker runs nothing twice")}

Flags win over the environment, the environment over .env, .env over the TOML file.
SIGTERM or Ctrl-C drains and exits 0; a second one exits 130 at once; past the grace the exit is 124.
`

const row = (name: string, doc: string) => `  ${name.padEnd(24)}${doc}`
