/** Reads the sources of the configuration: the one place that touches the process's environment and its files. */
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { load, type Loaded, type ConfigProblems } from "../config/load.ts"
import { messageOf } from "../domain/messageOf.ts"
import { type Arguments, UsageError } from "./options.ts"

export const loadConfig = Effect.fnUntraced(function* (
  args: Arguments
): Effect.fn.Return<Loaded, UsageError | ConfigProblems> {
  const file = args.config === undefined ? undefined : yield* read(args.config, "--config")
  const dotenv =
    args.envFile === undefined ? yield* readIfThere(".env") : yield* read(args.envFile, "--env-file")
  const verbose = args.switches.has("verbose") ? { LOG_LEVEL: "debug" } : {}
  return yield* Effect.fromResult(
    load({ flags: args.flags, env: { ...process.env, ...verbose }, dotenv, file })
  )
})

const read = (path: string, flag: string) =>
  Effect.tryPromise({
    try: async () => ({ path, text: await readFile(path, "utf8") }),
    catch: (cause) =>
      new UsageError({
        message: `${flag} ${path}: ${messageOf(cause)}`
      })
  })

const readIfThere = (path: string) => read(path, path).pipe(Effect.catch(() => Effect.succeed(undefined)))
