/** The text of a script, from wherever a playbook keeps it, in the spellings of all NoETL generations. */
import { Effect, Redacted } from "effect"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { ScriptSource } from "../python/ScriptSource.ts"
import type { ToolCall } from "../Tool.ts"
import { invalid, CredentialMissing, ToolError } from "../../domain/ToolError.ts"
import { type Clients, loadFromBucket, maxScriptBytes } from "./bucketScript.ts"
import { type Config } from "./ScriptConfig.ts"

export const scriptText = Effect.fnUntraced(function* (
  { sources, ...clients }: Clients & { readonly sources: ScriptSource["Service"] },
  config: Config,
  call: ToolCall
) {
  const written = config.script ?? config.code
  if (written === undefined || written === null) return yield* invalid(call, "script", "Missing")
  const script = typeof written === "string" ? plain(written) : written
  if (!isObject(script)) return yield* invalid(call, "script", "Expected an object or text")
  const { source, uri } = shapeOf(script)
  const type = typeOf(source["type"], uri)
  const text =
    type === "gcs" || type === "s3"
      ? yield* loadFromBucket(clients, call.kind, {
          type,
          uri,
          region: textOf(source["region"]),
          endpoint: textOf(source["endpoint"]),
          credential: yield* credentialOf(source["auth"] ?? script["auth"], call)
        })
      : (yield* sources.load(call.kind, {
          uri,
          ...(script["encoding"] === undefined ? {} : { encoding: script["encoding"] }),
          source
        })).text
  // It travels in a ConfigMap, which has no room for more.
  if (Buffer.byteLength(text) > maxScriptBytes - 16 * 1024)
    return yield* invalid(call, "script", `larger than ${maxScriptBytes - 16 * 1024} bytes`)
  return text
})

/** A single word with a scheme or an extension is an address; anything else is the script itself. */
const plain = (text: string): JsonObject =>
  /^[a-z0-9]+:\/\/\S+$/i.test(text) || /^[^\s]+\.(py|sh|js|mjs|rb)$/.test(text)
    ? { uri: text }
    : { source: { type: "inline", code: text } }

/** `{type, uri, content}` and `{uri, source: {type, …}}` are the same thing. */
const shapeOf = (script: JsonObject): { readonly uri: string; readonly source: JsonObject } => {
  const nested = isObject(script["source"]) ? script["source"] : {}
  const type = script["type"] === "local" ? "file" : script["type"]
  const code = nested["code"] ?? script["content"] ?? script["code"]
  return {
    uri: textOf(script["uri"]) ?? "",
    source: {
      ...nested,
      ...(nested["type"] === undefined && type !== undefined ? { type } : {}),
      ...(nested["type"] === "local" ? { type: "file" } : {}),
      ...(code === undefined ? {} : { code })
    }
  }
}

const typeOf = (type: Json | undefined, uri: string): Json | undefined => {
  if (type !== undefined && type !== null) return type
  if (/^(gs|gcs):\/\//.test(uri)) return "gcs"
  return uri.startsWith("s3://") ? "s3" : undefined
}

/** `source.auth` is an alias of the step's `auth`, the name of its one credential, or the fields themselves. */
const credentialOf = Effect.fnUntraced(function* (auth: Json | undefined, call: ToolCall) {
  const { named, primary } = call.auth
  if (auth === undefined || auth === null)
    return primary === undefined ? undefined : Redacted.value(primary.data)
  if (isObject(auth) && !("credential" in auth)) return auth
  const name = isObject(auth) ? auth["credential"] : auth
  if (typeof name !== "string") return yield* invalid(call, "script.source.auth", "Expected a name")
  const found = named.get(name) ?? (primary?.name === name ? primary : undefined)
  if (found !== undefined) return Redacted.value(found.data)
  return yield* new ToolError({
    tool: call.kind,
    reason: new CredentialMissing({
      credential: name,
      detail: "name it under `auth` of the step as well: script.source.auth is one of those",
      retryable: false
    })
  })
})

const textOf = (value: Json | undefined): string | undefined =>
  typeof value === "string" ? value : undefined
