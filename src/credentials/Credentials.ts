/**
 * Finds the credentials that a tool's configuration names.
 *
 * A value is `Redacted` and known to the redactor before it is handed out. Only the plain fields that a tool's
 * schema asks for (`password` of postgres) stand in its configuration, never in what templates read or events tell.
 */
import { Cache, Context, Duration, Effect, Exit, Layer, Redacted } from "effect"
import { backoff } from "../async/backoff.ts"
import { ControlPlane, type ControlPlaneError } from "../control-plane/ControlPlane.ts"
import { type Credential, type CredentialUse, noAuth, type ResolvedAuth } from "../domain/Credential.ts"
import type { CredentialScope } from "../domain/CredentialScope.ts"
import type { Json, JsonObject } from "../domain/Json.ts"
import { GoogleTokens } from "../google/GoogleTokens.ts"
import { Redactor } from "../secrets/Redactor.ts"
import { secretsInSettings, secretsOf } from "../secrets/secretsOf.ts"
import { invalid, type ToolError } from "../domain/ToolError.ts"
import { authShapeOf, type Wanted } from "./authShapes.ts"
import { CredentialSource, fromEnv } from "./CredentialSource.ts"
import { missing, notInEnv, unreachable } from "./errors.ts"
import { credentialsOf, tokenOf, withTokens } from "./googleAuth.ts"

export interface Options {
  /** How long a credential is used without asking again. */
  readonly ttl: Duration.Input
  /** The same for keychain entries, which are renewed by the server. */
  readonly keychainTtl: Duration.Input
  readonly capacity: number
}

export const defaults: Options = { ttl: "5 minutes", keychainTtl: "1 minute", capacity: 500 }

export interface Request {
  /** Whose configuration it is, for errors: a tool's kind, or the type of a connection. */
  readonly kind: string
  readonly config: JsonObject
  readonly use: CredentialUse
  readonly scope: CredentialScope
}

export interface Resolved {
  readonly auth: ResolvedAuth
  /** The configuration with the credential's fields; what the author wrote stays. */
  readonly config: JsonObject
}

export class Credentials extends Context.Service<
  Credentials,
  {
    /** Registers the secrets that a rendered configuration has itself. */
    readonly register: (kind: string, config: JsonObject) => Effect.Effect<void>
    /** Resolves the credentials that a rendered configuration names. */
    readonly resolve: (request: Request) => Effect.Effect<Resolved, ToolError>
    /** `keychain.<name>`: an entry of the playbook's keychain, else the credential of that name. */
    readonly keychain: (
      kind: string,
      name: string,
      scope: CredentialScope
    ) => Effect.Effect<JsonObject, ToolError>
    /** `token(name, audience)`: the token that is stored in a credential, or that Google gives for it. */
    readonly token: (
      kind: string,
      name: string,
      scope: CredentialScope,
      audience?: string
    ) => Effect.Effect<string, ToolError>
  }
>()("noetl-worker/credentials/Credentials") {
  static readonly layerWith = (
    options: Partial<Options> = {}
  ): Layer.Layer<Credentials, never, ControlPlane | Redactor> =>
    Layer.effect(
      Credentials,
      Effect.suspend(() => make({ ...defaults, ...options }))
    ).pipe(Layer.provide(GoogleTokens.layer))

  static readonly layer = Credentials.layerWith()
}

/** What templates read as `auth.<alias>.<field>`. */
export const authVariable = ({ primary, named }: ResolvedAuth): JsonObject => ({
  ...(primary === undefined
    ? {}
    : { ...Redacted.value(primary.data), [primary.name]: Redacted.value(primary.data) }),
  ...Object.fromEntries([...named].map(([alias, { data }]) => [alias, Redacted.value(data)]))
})

const make = Effect.fnUntraced(function* (options: Options) {
  const controlPlane = yield* ControlPlane
  const redactor = yield* Redactor
  const source = yield* CredentialSource
  const google = yield* GoogleTokens

  // A credential of the cache is used again and again, and its secrets are found once.
  const found = new WeakMap<Credential["data"], ReadonlyArray<Json>>()
  const secretsIn = ({ data }: Credential): ReadonlyArray<Json> => {
    const secrets = found.get(data) ?? secretsOf(Redacted.value(data))
    found.set(data, secrets)
    return secrets
  }

  const remember = (credential: Credential) =>
    Effect.as(redactor.register(`credential ${credential.name}`, [...secretsIn(credential)]), credential)

  const credentials = yield* Cache.makeWith(
    (key: string) =>
      Effect.gen(function* () {
        const [name] = readKey(key)
        const local = yield* source.get(name)
        if (local !== undefined) return local
        return yield* controlPlane.credential(name, yield* scopeOf(key)).pipe(retryTransient)
      }),
    { capacity: options.capacity, timeToLive: keepFound(options.ttl) }
  )

  const keychain = yield* Cache.makeWith(
    (key: string) =>
      Effect.gen(function* () {
        const [name] = readKey(key)
        const entry = yield* controlPlane.keychain(name, yield* scopeOf(key)).pipe(retryTransient)
        return entry === undefined ? undefined : { name, type: "keychain", data: Redacted.make(entry) }
      }),
    { capacity: options.capacity, timeToLive: keepFound(options.keychainTtl) }
  )

  /** Known to the redactor at every use, so that it is not forgotten while it is in use. */
  const lookUp = (cache: typeof credentials, kind: string, key: string, scope: CredentialScope) =>
    Cache.get(cache, key).pipe(
      Effect.provideService(Asking, scope),
      Effect.mapError((error) => unreachable(kind, readKey(key)[0], error)),
      Effect.flatMap((found) => (found === undefined ? Effect.succeed(undefined) : remember(found)))
    )

  const stored = (kind: string, name: string, scope: CredentialScope) =>
    Effect.flatMap(
      lookUp(credentials, kind, makeKey(name, undefined, { ...scope, catalogId: undefined }), scope),
      (found) => (found === undefined ? Effect.fail(missing(kind, name)) : Effect.succeed(found))
    )

  const want = (kind: string, alias: string, wanted: Wanted, scope: CredentialScope) => {
    switch (wanted.type) {
      case "inline":
        return remember(inlineOf(alias, wanted.fields))
      case "env":
        return fromEnv(wanted.name).pipe(
          Effect.flatMap((found) =>
            found === undefined ? Effect.fail(notInEnv(kind, wanted.name)) : Effect.succeed(found)
          ),
          Effect.flatMap((found) => remember(overlaid(alias, found, wanted.overlay)))
        )
      case "stored":
        return Effect.flatMap(stored(kind, wanted.name, scope), (found) => {
          const known = overlaid(alias, found, wanted.overlay)
          return known.data === found.data ? Effect.succeed(known) : remember(known)
        })
    }
  }

  const authOf = Effect.fnUntraced(function* (kind: string, config: JsonObject, scope: CredentialScope) {
    const shape = authShapeOf(config)
    switch (shape.type) {
      case "none":
        return noAuth
      case "wrong":
        return yield* Effect.fail(invalid({ kind }, shape.at, shape.problem))
      case "one": {
        const primary = yield* want(kind, shape.name, shape.wanted, scope)
        return { primary, named: new Map() } satisfies ResolvedAuth
      }
      case "many": {
        const members = yield* Effect.forEach(
          shape.members,
          ([alias, wanted]) => Effect.map(want(kind, alias, wanted, scope), (one) => [alias, one] as const),
          { concurrency: 8 }
        )
        // One alias is one credential.
        return { primary: members.length === 1 ? members[0]?.[1] : undefined, named: new Map(members) }
      }
    }
  })

  const withGoogle = (kind: string, auth: ResolvedAuth) =>
    Effect.tap(withTokens(google, kind, auth), (all) =>
      Effect.forEach(credentialsOf(all), remember, { discard: true })
    )

  const resolve = Effect.fnUntraced(function* ({ config, kind, scope, use }: Request) {
    const given = yield* authOf(kind, config, scope)
    const auth = use.googleTokens === true ? yield* withGoogle(kind, given) : given
    return { auth, config: yield* merged(kind, config, auth, use) }
  })

  return Credentials.of({
    resolve,
    register: (kind, config) => {
      const secrets = secretsInSettings(config)
      return secrets.length === 0 ? Effect.void : redactor.register(`settings of ${kind}`, secrets)
    },
    keychain: Effect.fnUntraced(function* (kind, name, scope) {
      const entry = yield* lookUp(keychain, kind, makeKey(name, scope.executionId, scope), scope)
      return Redacted.value((entry ?? (yield* stored(kind, name, scope))).data)
    }),
    token: Effect.fnUntraced(function* (kind, name, scope, audience) {
      const token = yield* tokenOf(google, kind, yield* stored(kind, name, scope), audience)
      yield* redactor.register(`token of ${name}`, token)
      return token
    })
  })
})

// --- parts ---

/** The configuration with the credential's fields. A credential that has none of them is one of another kind. */
const merged = (
  kind: string,
  config: JsonObject,
  { primary }: ResolvedAuth,
  { fields }: CredentialUse
): Effect.Effect<JsonObject, ToolError> => {
  if (primary === undefined || fields === undefined) return Effect.succeed(config)
  const given = Object.entries(fields(Redacted.value(primary.data)))
  if (given.length === 0) {
    const type = primary.type === "" ? "no type" : `type '${primary.type}'`
    return Effect.fail(
      invalid({ kind }, "auth", `the credential '${primary.name}' of ${type} is nothing for ${kind}`)
    )
  }
  const added = given.filter(([key]) => config[key] === undefined || config[key] === null)
  return Effect.succeed(added.length === 0 ? config : { ...config, ...Object.fromEntries(added) })
}

const inlineOf = (name: string, fields: JsonObject): Credential => {
  const { type, service, tool, ...data } = fields
  const kind = type ?? service ?? tool
  return { name, type: typeof kind === "string" ? kind : "", data: Redacted.make(data) }
}

/** What the author wrote beside the name wins: a header's name, a type. */
const overlaid = (alias: string, credential: Credential, overlay: JsonObject): Credential => {
  const { type, service, tool, ...fields } = overlay
  const kind = type ?? service ?? tool
  return {
    name: alias,
    type: typeof kind === "string" ? kind : credential.type,
    data:
      Object.keys(fields).length === 0
        ? credential.data
        : Redacted.make({ ...Redacted.value(credential.data), ...fields })
  }
}

// --- cache ---

/** On whose behalf a credential is read, for the server's records. It is no part of the key: the value is the same. */
const Asking = Context.Reference<CredentialScope | undefined>("noetl-worker/credentials/Asking", {
  defaultValue: () => undefined
})

const scopeOf = Effect.fnUntraced(function* (key: string) {
  const asking = yield* Asking
  return asking ?? (yield* Effect.die(new Error(`no scope is given for ${readKey(key)[0]}`)))
})

const makeKey = (name: string, executionId: string | undefined, scope: CredentialScope): string =>
  JSON.stringify([name, executionId ?? "", scope.catalogId ?? "", scope.serverUrl ?? ""])

const readKey = (key: string): readonly [string] => JSON.parse(key) as [string]

/** A credential that was not found is asked for again at once: it may be in the making. */
const keepFound =
  (ttl: Duration.Input) =>
  (exit: Exit.Exit<unknown, unknown>): Duration.Input =>
    Exit.isSuccess(exit) && exit.value !== undefined ? ttl : Duration.zero

/** Three tries, as the servers' own workers do. */
const retryTransient = <A>(effect: Effect.Effect<A, ControlPlaneError>) =>
  Effect.retry(effect, {
    schedule: backoff("200 millis", "2 seconds"),
    times: 2,
    while: (error: ControlPlaneError) => error.isRetryable
  })
