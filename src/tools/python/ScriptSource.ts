/**
 * Program text that a playbook keeps somewhere else: `script: {uri, encoding, source: {type, …}}`. One resolver for
 * every tool that takes one.
 */
import { Context, Duration, Effect, Layer, Schema } from "effect"
import { readFile, realpath, stat } from "node:fs/promises"
import { resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import * as Failure from "../../domain/Failure.ts"
import type { Json } from "../../domain/Json.ts"
import { shortened } from "../../domain/OutputMask.ts"
import * as Coerced from "../Coerced.ts"
import { SafeHttp } from "../http/SafeHttp.ts"
import { invalidConfig } from "../Tool.ts"
import { invalid, ExecutionFailed, ToolError } from "../../domain/ToolError.ts"

export interface ScriptSourceSettings {
  /** Files lie below it, links followed. */
  readonly root: string
  readonly maxBytes: number
  readonly timeout: Duration.Duration
}

/** Read once, by the layer; `Layer.succeed(ScriptSourceOptions, {…})` around it changes it. */
export const ScriptSourceOptions = Context.Reference<ScriptSourceSettings>(
  "noetl-worker/tools/python/ScriptSourceOptions",
  { defaultValue: () => ({ root: process.cwd(), maxBytes: 1024 * 1024, timeout: Duration.seconds(30) }) }
)

export interface Script {
  readonly text: string
  /** For tracebacks and messages. */
  readonly name: string
}

const Spec = Schema.Struct({
  uri: Coerced.optional(Schema.String),
  encoding: Coerced.optional(Schema.String),
  source: Coerced.optional(
    Schema.Struct({
      type: Coerced.optional(Schema.Literals(["inline", "file", "http", "https", "gcs", "s3"])),
      code: Coerced.optional(Schema.String),
      endpoint: Coerced.optional(Schema.String),
      method: Coerced.optional(Schema.String),
      headers: Coerced.optional(Coerced.TextMap),
      timeout: Coerced.optional(Coerced.Seconds)
    })
  )
})
type Spec = typeof Spec.Type
const decode = Schema.decodeUnknownEffect(Schema.Struct({ script: Spec }), { errors: "all" })

export class ScriptSource extends Context.Service<
  ScriptSource,
  {
    /** `script` as it stands in a tool's configuration: an object, or text that is its `uri`. */
    readonly load: (tool: string, script: Json) => Effect.Effect<Script, ToolError>
  }
>()("noetl-worker/tools/python/ScriptSource") {
  static readonly layerNoDeps = Layer.effect(
    ScriptSource,
    Effect.gen(function* () {
      const settings = yield* ScriptSourceOptions
      const http = yield* SafeHttp
      return ScriptSource.of({
        load: (tool, script) =>
          decode({ script: typeof script === "string" ? { uri: script } : script }).pipe(
            Effect.mapError((error) => invalidConfig(tool, error)),
            Effect.flatMap((decoded) => load(settings, http, tool, decoded.script))
          )
      })
    })
  )
  static readonly layer = this.layerNoDeps.pipe(Layer.provide(SafeHttp.layer))
}

const load = Effect.fnUntraced(function* (
  settings: ScriptSourceSettings,
  http: SafeHttp["Service"],
  tool: string,
  spec: Spec
) {
  const type = spec.source?.type ?? typeOf(spec)
  const uri = spec.uri ?? ""
  switch (type) {
    case "inline":
      if (typeof spec.source?.code !== "string")
        return yield* invalid({ kind: tool }, "script.source.code", "Missing")
      return { text: spec.source.code, name: "<script>" }
    case "file":
      return yield* fromFile(settings, tool, uri, spec.encoding ?? "utf-8")
    case "http":
    case "https":
      return yield* fromHttp(settings, http, tool, spec)
    case "gcs":
    case "s3":
      return yield* new ToolError({
        tool,
        reason: new ExecutionFailed({
          failure: Failure.make("config", `scripts from ${type} are not available on this worker`, {
            source: tool
          })
        })
      })
  }
})

const typeOf = ({ uri, source }: Spec): "inline" | "file" | "http" | "gcs" | "s3" => {
  if (typeof source?.code === "string") return "inline"
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source?.endpoint ?? uri ?? "")?.[1]?.toLowerCase()
  if (scheme === "http" || scheme === "https") return "http"
  if (scheme === "gs") return "gcs"
  return scheme === "s3" ? "s3" : "file"
}

const fromHttp = Effect.fnUntraced(function* (
  settings: ScriptSourceSettings,
  http: SafeHttp["Service"],
  tool: string,
  { uri, encoding, source }: Spec
) {
  const url = source?.endpoint ?? uri ?? ""
  if (url === "") return yield* invalid({ kind: tool }, "script.uri", "Missing")
  const seconds = source?.timeout ?? undefined
  const response = yield* http.request({
    tool,
    url,
    method: source?.method ?? "GET",
    headers: source?.headers ?? {},
    secretHeaders: Object.keys(source?.headers ?? {}),
    timeouts: { total: seconds === undefined ? settings.timeout : Duration.seconds(seconds) },
    maxResponseBytes: settings.maxBytes
  })
  const text = yield* decoded(tool, response.body, encoding ?? "utf-8")
  if (response.status >= 200 && response.status < 300) return { text, name: response.url }
  const failure = Failure.ofHttpStatus(response.status, tool)
  return yield* new ToolError({
    tool,
    reason: new ExecutionFailed({
      failure: {
        ...failure,
        message: `script: HTTP ${response.status} response: ${yield* shortened(text, 300)}`
      }
    })
  })
})

const fromFile = Effect.fnUntraced(function* (
  { root, maxBytes }: ScriptSourceSettings,
  tool: string,
  uri: string,
  encoding: string
) {
  if (uri === "") return yield* invalid({ kind: tool }, "script.uri", "Missing")
  const bytes = yield* Effect.tryPromise({
    try: () => readBelow(root, uri.startsWith("file://") ? fileURLToPath(uri) : uri, maxBytes),
    catch: (cause) =>
      invalid(
        { kind: tool },
        "script.uri",
        cause instanceof Unusable ? `${uri} ${cause.message}` : `${uri} cannot be read`
      )
  })
  return { text: yield* decoded(tool, bytes, encoding), name: uri }
})

const decoded = (tool: string, bytes: Uint8Array, encoding: string): Effect.Effect<string, ToolError> =>
  Effect.try({
    try: () => new TextDecoder(encoding, { fatal: true }).decode(bytes),
    catch: () => invalid({ kind: tool }, "script.encoding", `the script is not ${encoding}`)
  })

// --- the file system ---

class Unusable extends Error {}

const readBelow = async (root: string, path: string, maxBytes: number): Promise<Uint8Array> => {
  const directory = await realpath(root)
  const file = await realpath(resolve(directory, path))
  // The same words for what is outside and what is not there would hide a mistake; outside is no secret.
  const prefix = directory.endsWith(sep) ? directory : directory + sep
  if (!file.startsWith(prefix)) throw new Unusable("lies outside the directory for scripts")
  const info = await stat(file)
  if (!info.isFile()) throw new Unusable("is not a file")
  if (info.size > maxBytes) throw new Unusable(`is larger than ${maxBytes} bytes`)
  return await readFile(file)
}
