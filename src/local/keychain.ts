/** Values of a playbook's keychain: written there, fetched with OAuth, or a credential of this machine. */
import { Effect, Redacted } from "effect"
import type { Credential } from "../domain/Credential.ts"
import { isObject, type Json, type JsonObject, plainTextOf } from "../domain/Json.ts"

type Render = (value: Json) => Json

/** Asks an HTTP server: a tool's settings → its data. Fails with a sentence. */
export type Ask = (config: JsonObject) => Effect.Effect<Json, string>

export interface Sources {
  readonly credential: (name: string) => Effect.Effect<Credential | undefined>
  readonly ask: Ask
}

export const secretOf =
  ({ ask, credential }: Sources) =>
  (entry: JsonObject, render: Render): Effect.Effect<JsonObject, string> => {
    const kind = entry["kind"] ?? entry["type"]
    switch (kind) {
      case "static":
        return Effect.succeed(objectOf(render(entry["map"] ?? {})))
      case "bearer": {
        const token = render(entry["token"] ?? null)
        return Effect.succeed({ token, access_token: token })
      }
      case "oauth2":
        return oauth(ask, entry, render)
      case "credential":
      case "credential_ref":
      case "google_oauth":
        return ofCredential(
          credential,
          render(entry["credential"] ?? entry["ref"] ?? entry["auth"] ?? entry["name"] ?? null)
        )
      default:
        return Effect.fail(
          `a secret of kind ${JSON.stringify(kind ?? null)} cannot be worked out on this machine: write kind credential and give the credential with --credentials`
        )
    }
  }

const objectOf = (value: Json): JsonObject => (isObject(value) ? value : {})

const oauth = Effect.fnUntraced(function* (ask: Ask, entry: JsonObject, render: Render) {
  const { data, endpoint, headers, method } = objectOf(render(entry))
  const answer = yield* ask({
    method: method ?? "POST",
    url: endpoint ?? "",
    headers: headers ?? {},
    form: data ?? {}
  })
  const body = isObject(answer) ? answer["data"] : undefined
  return isObject(body)
    ? body
    : yield* Effect.fail(`the token endpoint of ${plainTextOf(entry["name"]) ?? ""} answered no object`)
})

const ofCredential = Effect.fnUntraced(function* (credential: Sources["credential"], name: Json) {
  const found = typeof name === "string" ? yield* credential(name) : undefined
  return found === undefined
    ? yield* Effect.fail(
        `there is no credential ${JSON.stringify(name)}: give it with --credentials FILE or NOETL_CREDENTIAL_NAME`
      )
    : Redacted.value(found.data)
})
