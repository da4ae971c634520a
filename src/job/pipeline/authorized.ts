/** The credentials of a task and of every connection that its settings hold. */
import { Effect } from "effect"
import type { Credentials, Resolved } from "../../credentials/Credentials.ts"
import type { Credential } from "../../domain/Credential.ts"
import type { CredentialScope } from "../../domain/CredentialScope.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { ToolError } from "../../domain/ToolError.ts"
import type { Toolbox } from "../../tools/Toolbox.ts"

export interface Services {
  readonly credentials: Credentials["Service"]
  readonly toolbox: Pick<Toolbox["Service"], "declarationOf">
}

/** A connection's credential is named by its key: `source`, or `source.<alias>` where it has several. */
export const authorized = (
  { credentials, toolbox }: Services,
  kind: string,
  config: JsonObject,
  scope: CredentialScope
): Effect.Effect<Resolved, ToolError> => {
  const { connections, credentials: use = {} } = toolbox.declarationOf(kind)
  const own = (all: JsonObject) => credentials.resolve({ kind, config: all, use, scope })
  if (connections === undefined) return own(config)

  return Effect.gen(function* () {
    const named = new Map<string, Credential>()
    const filled: Record<string, Json> = { ...config }
    for (const key of connections) {
      const connection = config[key]
      if (!isObject(connection)) continue
      const type = typeof connection["type"] === "string" ? connection["type"] : kind
      const resolved = yield* credentials.resolve({
        kind: type,
        config: connection,
        use: toolbox.declarationOf(type).credentials ?? {},
        scope
      })
      filled[key] = resolved.config
      if (resolved.auth.primary !== undefined) named.set(key, resolved.auth.primary)
      else for (const [alias, one] of resolved.auth.named) named.set(`${key}.${alias}`, one)
    }
    const { auth, config: complete } = yield* own(filled)
    return { auth: { primary: auth.primary, named: new Map([...auth.named, ...named]) }, config: complete }
  })
}
