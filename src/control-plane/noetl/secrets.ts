/** Credentials and keychain entries of a NoETL server. */
import { Effect, Redacted } from "effect"
import type { Credential } from "../../domain/Credential.ts"
import * as Json from "../../domain/Json.ts"
import { ControlPlaneError, type CredentialScope, Unreadable } from "../ControlPlane.ts"
import type { Endpoint } from "./Dialect.ts"
import { objectOf, sendOk } from "./HttpJson.ts"
import { errorOf } from "./answers.ts"

export const credential = Effect.fnUntraced(function* ({ base, http }: Endpoint, name: string) {
  const operation = `read the credential ${name}`
  const answer = yield* http.send({
    operation,
    method: "GET",
    url: `${base}/api/credentials/${encodeURIComponent(name)}?include_data=true`
  })
  if (answer.status === 404) return undefined
  if (answer.status >= 300) return yield* errorOf(operation, answer)
  const { data, type } = objectOf(answer)
  if (!Json.isObject(data)) {
    return yield* new ControlPlaneError({
      operation,
      reason: new Unreadable({ detail: "a credential without data" })
    })
  }
  // Some servers wrap the data twice.
  const inner = Json.isObject(data["data"]) ? data["data"] : data
  const found: Credential = {
    name,
    type: typeof type === "string" ? type : "generic",
    data: Redacted.make(inner)
  }
  return found
})

export const keychain = Effect.fnUntraced(function* (
  { base, http }: Endpoint,
  name: string,
  scope: CredentialScope
) {
  if (scope.catalogId === undefined) return undefined
  const url = `${base}/api/keychain/${encodeURIComponent(scope.catalogId)}/${encodeURIComponent(name)}`
  for (const query of ["scope_type=global", `scope_type=local&execution_id=${scope.executionId}`]) {
    const answer = yield* sendOk(http, {
      operation: `read the keychain entry ${name}`,
      method: "GET",
      url: `${url}?${query}`
    })
    const { status, token_data } = objectOf(answer)
    if (status === "success" && Json.isObject(token_data)) return token_data
  }
  return undefined
})
