/** Reads the sources of the configuration: the one place that touches the process's environment and its files. */
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { load, type Loaded, type ConfigProblems } from "../config/load.ts"
import { messageOf } from "../domain/messageOf.ts"
import { Arguments } from "./Arguments.ts"
import { UsageError } from "./errors.ts"

/** The configuration by the flags of this command, the environment and the files that they name. */
export const loadConfig: Effect.Effect<Loaded, UsageError | ConfigProblems, Arguments> = Effect.gen(
  function* () {
    const args = yield* Arguments
    const file = args.config === undefined ? undefined : yield* read(args.config, "--config")
    const dotenv =
      args.envFile === undefined ? yield* readIfThere(".env") : yield* read(args.envFile, "--env-file")
    const verbose = args.verbose ? { LOG_LEVEL: "debug" } : {}
    return yield* Effect.fromResult(
      load({ flags: args.flags, env: { ...process.env, ...verbose }, dotenv, file, defaults: args.defaults })
    )
  }
)

const read = (path: string, flag: string) =>
  Effect.tryPromise({
    try: async () => ({ path, text: await readFile(path, "utf8") }),
    catch: (cause) =>
      new UsageError({
        message: `${flag} ${path}: ${messageOf(cause)}`
      })
  })

const readIfThere = (path: string) => read(path, path).pipe(Effect.catch(() => Effect.succeed(undefined)))
