/** Credentials of this machine besides the credentials file: `NOETL_CREDENTIAL_<NAME>`, then a folder with a file for each. */
import { Config, Effect, Redacted, Result } from "effect"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { parseFile } from "../credentials/CredentialSource.ts"
import type { Credential } from "../domain/Credential.ts"
import { isObject, parse, stringify } from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"

/** The credential of a name; undefined where there is none. What cannot be read is a warning, and there is none. */
export const credentialOf =
  (folder: string) =>
  (name: string): Effect.Effect<Credential | undefined> =>
    Effect.flatMap(fromVariable(name), (found) =>
      found === undefined ? fromFolder(folder, name) : Effect.succeed(found)
    ).pipe(
      Effect.catch((detail) =>
        Effect.as(Effect.logWarning(`the credential ${name} is not used: ${detail}`), undefined)
      )
    )

const fromVariable = Effect.fnUntraced(function* (name: string) {
  const variable = `NOETL_CREDENTIAL_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`
  const text = yield* Config.option(Config.Redacted(variable)).pipe(Effect.mapError((error) => error.message))
  return text._tag === "None" ? undefined : yield* parsed(name, variable, Redacted.value(text.value))
})

const fromFolder = Effect.fnUntraced(function* (folder: string, name: string) {
  const file = join(folder, `${name}.json`)
  // A name is no path: it must not leave the folder.
  if (/[/\\]|^\.\.?$/.test(name) || !existsSync(file)) return undefined
  const text = yield* Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: (cause) => `${file}: ${messageOf(cause)}`
  })
  return yield* parsed(name, file, text)
})

/** `{type, data}`, as a list of one with its name. */
const parsed = (name: string, place: string, text: string) => {
  const value = parse(text)
  if (Result.isFailure(value) || !isObject(value.success)) return Effect.fail(`${place} is no JSON object`)
  return parseFile(place, stringify([{ ...value.success, name }])).pipe(
    Effect.mapError((error) => error.message),
    Effect.map((all) => all.get(name))
  )
}
