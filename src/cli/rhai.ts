/** `noetl-worker rhai [script.rhai]`: runs a script, or talks to a person. Requests go through the egress policy. */
import { Effect, Layer } from "effect"
import { readFile } from "node:fs/promises"
import { messageOf } from "../domain/messageOf.ts"
import { EgressOptions } from "../tools/http/Egress.ts"
import { SafeHttp } from "../tools/http/SafeHttp.ts"
import { hosted } from "../tools/rhai/host.ts"
import { repl, type ReplOptions, runFile } from "../tools/rhai/Repl.ts"
import { announce } from "../telemetry/Telemetry.ts"
import { CommandError, ReportedError } from "./errors.ts"

export const rhai = Effect.fnUntraced(
  function* (file: string | undefined) {
    const http = yield* SafeHttp
    const options: ReplOptions = {
      input: process.stdin,
      output: process.stdout,
      environment: process.env,
      engine: {
        natives: hosted({
          request: ({ body, headers, method, url }) =>
            http
              .request({ tool: "rhai", url, method, headers, ...(body === undefined ? {} : { body }) })
              .pipe(
                Effect.map((answer) => ({
                  status: answer.status,
                  body: Buffer.from(answer.body).toString("utf8")
                })),
                Effect.mapError((error) => error.message)
              ),
          log: (level, text) => announce(`${level}: ${text}`),
          print: (text) => Effect.sync(() => void process.stdout.write(`${text}\n`)),
          env: () => undefined,
          gcpToken: Effect.succeed(""),
          timestampFormat: undefined,
          absentOnFailure: false
        })
      }
    }
    if (file === undefined) return yield* Effect.scoped(repl(options))
    const code = yield* runFile(yield* read(file), options)
    if (code !== 0) return yield* new ReportedError({ code: 1 })
  },
  Effect.provide(SafeHttp.layer.pipe(Layer.provide(EgressOptions.layerDevelopment)))
)

const read = (file: string) =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: (cause) => new CommandError({ message: `rhai ${file}: ${messageOf(cause)}` })
  })
