/** The settings that every tool shares which runs a program. */
import { Duration, Effect, Schema } from "effect"
import type { JsonObject } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import type { ToolCall } from "../Tool.ts"
import { invalid } from "../../domain/ToolError.ts"
import { type Limits, tighter } from "./Limits.ts"
import { environmentOf, type ProcessSettings } from "./ProcessOptions.ts"
import { statSync } from "node:fs"

export const fields = {
  cwd: Coerced.optional(Schema.String),
  env: Coerced.optional(Coerced.TextMap),
  inherit_env: Coerced.optional(Schema.Union([Coerced.Boolean, Coerced.TextList])),
  timeout: Coerced.optional(Coerced.Seconds),
  timeout_seconds: Coerced.optional(Coerced.Seconds),
  limits: Coerced.optional(
    Schema.Struct({
      memory: Coerced.optional(Coerced.Bytes),
      cpu_seconds: Coerced.optional(Coerced.Integer),
      file_size: Coerced.optional(Coerced.Bytes)
    })
  )
}

export interface Settings extends Schema.Struct.Type<typeof fields> {}

/** What a program runs in, out of the worker's options and the playbook's settings. */
export interface ProcessEnvironment {
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly timeout: Duration.Duration | undefined
  readonly limits: Limits
}

export const processEnvironmentOf = Effect.fnUntraced(function* (
  options: ProcessSettings,
  settings: Settings,
  call: ToolCall
) {
  const cwd = settings.cwd ?? undefined
  if (cwd !== undefined && !isDirectory(cwd)) return yield* invalid(call, "cwd", `not a directory: ${cwd}`)
  const { env, refused } = environmentOf(options, {
    inherit: settings.inherit_env ?? undefined,
    extra: settings.env ?? {}
  })
  for (const [name, value] of Object.entries(settings.env ?? {})) {
    if (name === "" || /[=\0]/.test(name))
      return yield* invalid(call, "env", `not a name: ${JSON.stringify(name)}`)
    if (value.includes("\0")) return yield* invalid(call, `env.${name}`, "contains a zero byte")
  }
  if (refused.length > 0) yield* Effect.logWarning(`not passed to programs: ${refused.join(", ")}`)
  const written = settings.timeout ?? settings.timeout_seconds ?? 0
  // None at all is what a zero means everywhere.
  const seconds = Math.min(...[written, call.deadline ?? 0].filter((one) => one > 0))
  return {
    cwd,
    env: call.traceparent === undefined ? env : { TRACEPARENT: call.traceparent, ...env },
    timeout: Number.isFinite(seconds) ? Duration.seconds(seconds) : undefined,
    limits: tighter(options.limits, {
      memoryBytes: settings.limits?.memory ?? undefined,
      cpuSeconds: settings.limits?.cpu_seconds ?? undefined,
      fileBytes: settings.limits?.file_size ?? undefined
    })
  } satisfies ProcessEnvironment
})

/** Keys whose text was cut, for a result's data. */
export const truncatedKeys = (ran: {
  readonly stdout: { readonly truncated: boolean; readonly bytes: number }
  readonly stderr: { readonly truncated: boolean; readonly bytes: number }
}): JsonObject => ({
  ...(ran.stdout.truncated ? { stdout_truncated: true, stdout_bytes: ran.stdout.bytes } : {}),
  ...(ran.stderr.truncated ? { stderr_truncated: true, stderr_bytes: ran.stderr.bytes } : {})
})

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
