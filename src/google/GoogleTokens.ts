/**
 * Tokens that Google gives for a key file, or for the identity of the machine we run on.
 *
 * A key is sent to the token endpoint of the settings only: the `token_uri` in a key file is the word of the author who
 * stored it. The machine's own identity is lent to playbooks only where the settings name it.
 */
import { Cache, Clock, Context, Duration, Effect, Exit, Layer, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { readFile } from "node:fs/promises"
import { isObject, type Json, type JsonObject, parse } from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { KnownSecrets, shortened } from "../domain/OutputMask.ts"
import { type KeyFile, keyFileOf, signed } from "./keyFile.ts"

export interface Options {
  readonly tokenUrl: string
  /** The key file of our own identity. */
  readonly file: string | undefined
  /** Host of the metadata server that knows our own identity. */
  readonly metadataHost: string | undefined
}

export const defaults: Options = {
  tokenUrl: "https://oauth2.googleapis.com/token",
  file: undefined,
  metadataHost: undefined
}

/** What the settings say. */
export const GoogleIdentity = Context.Reference<Options>("noetl-worker/google/GoogleIdentity", {
  defaultValue: () => defaults
})

export class GoogleTokenError extends Schema.TaggedError<GoogleTokenError>()("GoogleTokenError", {
  detail: Schema.String,
  isRetryable: Schema.Boolean
}) {
  override get message(): string {
    return this.detail
  }
}

export interface Wanted {
  /** A credential with a key file; undefined for our own identity. */
  readonly data: JsonObject | undefined
  readonly scopes: ReadonlyArray<string>
  /** An ID token for this audience is wanted, and no access token. */
  readonly audience: string | undefined
}

export class GoogleTokens extends Context.Service<
  GoogleTokens,
  { readonly token: (wanted: Wanted) => Effect.Effect<string, GoogleTokenError> }
>()("noetl-worker/google/GoogleTokens") {
  static readonly layer: Layer.Layer<GoogleTokens> = Layer.effect(
    GoogleTokens,
    Effect.suspend(() => make())
  ).pipe(Layer.provide(FetchHttpClient.layer))
}

interface Minted {
  readonly token: Redacted.Redacted
  readonly seconds: number
}

export const everything = "https://www.googleapis.com/auth/cloud-platform"
const capacity = 200
/** A token is renewed so long before its end. */
const margin = 60
const within = Duration.seconds(10)

const make = Effect.fnUntraced(function* () {
  const options = yield* GoogleIdentity
  const client = yield* HttpClient.HttpClient

  const send = (request: HttpClientRequest.HttpClientRequest) =>
    client.execute(request).pipe(
      Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, text }))),
      Effect.mapError((error) => problem(`${request.url}: ${error.message}`, true)),
      Effect.timeoutOrElse({
        duration: within,
        orElse: () => Effect.fail(problem(`${request.url} does not answer`, true))
      }),
      Effect.flatMap(({ status, text }) =>
        status >= 200 && status < 300
          ? Effect.succeed(text)
          : Effect.flatMap(shortened(text, 200), (said) =>
              Effect.fail(
                problem(
                  `${request.url} gives no token: HTTP ${status}: ${said}`,
                  status === 429 || status >= 500
                )
              )
            )
      )
    )

  const exchange = (fields: Readonly<Record<string, string>>, audience: string | undefined) =>
    send(HttpClientRequest.post(options.tokenUrl).pipe(HttpClientRequest.bodyUrlParams(fields))).pipe(
      Effect.flatMap((text) => mintedOf(options.tokenUrl, text, audience))
    )

  const ofKey = Effect.fnUntraced(function* (key: KeyFile, { audience, scopes }: Wanted) {
    if (key.type === "authorized_user") {
      const { clientId, clientSecret, refreshToken } = key
      return yield* exchange(
        {
          grant_type: "refresh_token",
          client_id: clientId,
          client_secret: clientSecret,
          refresh_token: refreshToken
        },
        audience
      )
    }
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const aim = audience === undefined ? { scope: scopes.join(" ") } : { target_audience: audience }
    const assertion = yield* Effect.try({
      try: () =>
        signed({ iss: key.email, aud: options.tokenUrl, iat: now, exp: now + 3600, ...aim }, key.privateKey),
      catch: () => problem(`the private key of ${key.email} cannot be used`, false)
    })
    return yield* exchange({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }, audience)
  })

  const ofMachine = Effect.fnUntraced(function* (host: string, { audience, scopes }: Wanted) {
    const base = `http://${host}/computeMetadata/v1/instance/service-accounts/default`
    const query = new URLSearchParams(
      audience === undefined ? { scopes: scopes.join(",") } : { audience, format: "full" }
    )
    const url = `${base}/${audience === undefined ? "token" : "identity"}?${query.toString()}`
    const text = yield* send(
      HttpClientRequest.get(url).pipe(HttpClientRequest.setHeader("metadata-flavor", "Google"))
    )
    return audience === undefined ? yield* mintedOf(url, text, audience) : idToken(text.trim())
  })

  const own = Effect.fnUntraced(function* (wanted: Wanted) {
    if (options.file !== undefined) {
      const key = yield* readKeyFile(options.file)
      return yield* ofKey(key, wanted)
    }
    if (options.metadataHost !== undefined) return yield* ofMachine(options.metadataHost, wanted)
    return yield* Effect.fail(
      problem(
        "this worker has no Google identity of its own (GOOGLE_APPLICATION_CREDENTIALS, GCE_METADATA_HOST)",
        false
      )
    )
  })

  const tokens = yield* Cache.makeWith(
    (key: string) => {
      const wanted = JSON.parse(key) as Wanted
      if (wanted.data === undefined) return own(wanted)
      const file = keyFileOf(wanted.data)
      return file === undefined
        ? Effect.fail(problem("it has no token and no key file of Google's", false))
        : ofKey(file, wanted)
    },
    { capacity, timeToLive: lifetime }
  )

  return GoogleTokens.of({
    token: (wanted) => Effect.map(Cache.get(tokens, keyOf(wanted)), ({ token }) => Redacted.value(token))
  })
})

const problem = (detail: string, isRetryable: boolean) => new GoogleTokenError({ detail, isRetryable })

/** Only what a token depends on, so that other fields of a credential make no other entry. */
const keyOf = ({ data, scopes, audience }: Wanted): string =>
  JSON.stringify({ data: data === undefined ? undefined : keyFields(data), scopes, audience })

const keyFields = (data: JsonObject): JsonObject => {
  const key = keyFileOf(data)
  if (key === undefined) return {}
  return key.type === "service_account"
    ? { client_email: key.email, private_key: key.privateKey }
    : { client_id: key.clientId, client_secret: key.clientSecret, refresh_token: key.refreshToken }
}

const lifetime = (exit: Exit.Exit<Minted, unknown>): Duration.Duration =>
  Exit.isSuccess(exit) ? Duration.seconds(Math.max(0, exit.value.seconds - margin)) : Duration.zero

const readKeyFile = (path: string) =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => problem(messageOf(cause), false)
  }).pipe(
    Effect.tap((text) =>
      Effect.map(KnownSecrets, (remember) => remember("the worker's key of Google", text))
    ),
    Effect.flatMap((text) => {
      const key = keyFileOf({ value: text })
      return key === undefined
        ? Effect.fail(problem(`${path} is no key file of a service account or a user`, false))
        : Effect.succeed(key)
    })
  )

const mintedOf = (url: string, text: string, audience: string | undefined) => {
  const answer = parse(text)
  const document: JsonObject = answer._tag === "Success" && isObject(answer.success) ? answer.success : {}
  const token: Json | undefined = document[audience === undefined ? "access_token" : "id_token"]
  if (typeof token !== "string") return Effect.fail(problem(`${url} gives no token`, false))
  const { expires_in: seconds } = document
  return Effect.succeed(
    audience === undefined
      ? { token: Redacted.make(token), seconds: typeof seconds === "number" ? seconds : 0 }
      : idToken(token)
  )
}

/** Google's ID tokens live for an hour. */
const idToken = (token: string): Minted => ({ token: Redacted.make(token), seconds: 3600 })
