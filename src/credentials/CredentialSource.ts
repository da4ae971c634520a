/**
 * Credentials that are here and not on a server: from a file, from the environment. They win over the server's, so that
 * one can be replaced for a while. Without a source there are none.
 */
import { Config, Context, Effect, Layer, Redacted, Schema } from "effect"
import { readFile } from "node:fs/promises"
import type { Credential } from "../domain/Credential.ts"
import { isJson, isObject, type Json, type JsonObject, parse as parseJson } from "../domain/Json.ts"
import { Result } from "effect"
import { messageOf } from "../domain/messageOf.ts"
import { KnownSecrets } from "../domain/OutputMask.ts"
import { secretsOf } from "../secrets/secretsOf.ts"

export interface Source {
  readonly get: (name: string) => Effect.Effect<Credential | undefined>
}

/** A credentials file that cannot be used: the program does not start. */
export class CredentialsFileError extends Schema.TaggedError<CredentialsFileError>()("CredentialsFileError", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `credentials file ${this.path}: ${this.detail}`
  }
}

export const CredentialSource = Context.Reference<Source>("noetl-worker/credentials/CredentialSource", {
  defaultValue: () => ({ get: () => Effect.succeed(undefined) })
})

/** `NOETL_SECRET_<NAME>`: a JSON object, or one secret text. */
export const layerEnv = Layer.succeed(CredentialSource, { get: (name) => fromEnv(name) })

/**
 * A YAML or JSON file: `name: {type, data: {…}}`, `name: {type, …fields}`, or a list of `{name, type, data}`. What is
 * not in the file is looked for in the environment.
 */
export const layerFile = (path: string): Layer.Layer<never, CredentialsFileError> =>
  Layer.effect(
    CredentialSource,
    Effect.map(readCredentials(path), (known): Source => ({
      get: (name) => {
        const credential = known.get(name)
        return credential === undefined ? fromEnv(name) : Effect.succeed(credential)
      }
    }))
  )

/** The secret that the environment has under a name. */
export const fromEnv = (name: string): Effect.Effect<Credential | undefined> => {
  const variable = `NOETL_SECRET_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`
  return Config.option(Config.Redacted(variable)).pipe(
    Effect.map((found) => (found._tag === "None" ? undefined : ofText(name, Redacted.value(found.value)))),
    Effect.catch(() => Effect.succeed(undefined))
  )
}

// --- shapes ---

const ofText = (name: string, text: string): Credential => {
  const json = text.trimStart().startsWith("{")
    ? Result.getOrElse(parseJson(text), () => undefined)
    : undefined
  if (isObject(json)) return credentialOf(name, json)
  return { name, type: "secret", data: Redacted.make({ value: text, token: text }) }
}

const credentialOf = (name: string, entry: JsonObject): Credential => {
  const { type, name: _, data, ...fields } = entry
  return {
    name,
    type: typeof type === "string" ? type : "",
    data: Redacted.make(isObject(data) ? { ...fields, ...data } : fields)
  }
}

const readCredentials = (path: string) =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => fileError(path, messageOf(cause))
  }).pipe(Effect.flatMap((text) => parseFile(path, text)))

/** Text of a credentials file → credentials by name; `path` is for errors. */
export const parseFile = (path: string, text: string) =>
  Effect.tryPromise({
    // Loaded only where there is such a file.
    try: async () => (await import("yaml")).parse(text, { intAsBigInt: true }) as unknown,
    catch: (cause) => fileError(path, firstLine(cause))
  }).pipe(
    Effect.flatMap((document) => {
      const entries = entriesOf(normal(document))
      return entries === undefined
        ? Effect.fail(fileError(path, "it is neither a mapping of names nor a list of {name, type, data}"))
        : Effect.succeed(new Map(entries.map(([name, entry]) => [name, credentialOf(name, entry)])))
    }),
    Effect.tap((known) =>
      Effect.map(KnownSecrets, (remember) => {
        for (const [name, { data }] of known)
          for (const [at, secret] of secretsOf(Redacted.value(data)).entries())
            if (typeof secret === "string") remember(`credential ${name} ${at}`, secret)
      })
    )
  )

const fileError = (path: string, detail: string) => new CredentialsFileError({ path, detail })

/** Only the first line: the parser shows the text around a mistake, and that text is secrets. */
const firstLine = (cause: unknown): string => messageOf(cause).split("\n")[0] ?? ""

/** Integers that fit are numbers again. */
const normal = (value: unknown): Json | undefined => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map((item) => normal(item) ?? null)
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, normal(member) ?? null]))
  }
  return isJson(value) ? value : undefined
}

const entriesOf = (document: Json | undefined): ReadonlyArray<readonly [string, JsonObject]> | undefined => {
  if (document === null || document === undefined) return []
  const inner =
    isObject(document) && document["credentials"] !== undefined ? document["credentials"] : document
  if (Array.isArray(inner)) {
    const entries = inner.map((entry: Json) =>
      isObject(entry) && typeof entry["name"] === "string" ? ([entry["name"], entry] as const) : undefined
    )
    return entries.every((entry) => entry !== undefined) ? entries : undefined
  }
  if (!isObject(inner)) return undefined
  return Object.entries(inner).map(([name, entry]) => [
    name,
    isObject(entry) ? entry : { value: entry, token: entry }
  ])
}
