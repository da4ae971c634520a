/** Playbooks as the server's catalog keeps them. */
import { Effect } from "effect"
import * as Json from "../../domain/Json.ts"
import { messageOf } from "../../domain/messageOf.ts"
import { ControlPlaneError, type CredentialScope, Unreadable } from "../ControlPlane.ts"
import type { Endpoint } from "./Dialect.ts"
import { objectOf, sendOk } from "./HttpJson.ts"

/** A catalog entry never changes: it is another one when the playbook does. */
export const playbook = Effect.fnUntraced(function* ({ base, http }: Endpoint, scope: CredentialScope) {
  if (scope.catalogId === undefined) return undefined
  const operation = `read the playbook ${scope.catalogId}`
  const answer = yield* sendOk(http, {
    operation,
    method: "POST",
    url: `${base}/api/catalog/resource`,
    body: { catalog_id: scope.catalogId }
  })
  const { entries } = objectOf(answer)
  // One entry, a list of them, or a list under a name: it differs between versions of the server.
  const list = Array.isArray(answer.body) ? answer.body : Array.isArray(entries) ? entries : [answer.body]
  const entry = list.find(Json.isObject)
  const { content, payload } = entry ?? {}
  if (Json.isObject(payload)) return payload
  const parsed = typeof content === "string" ? yield* yamlOf(operation, content) : undefined
  return Json.isObject(parsed) ? parsed : undefined
})

const yamlOf = (operation: string, text: string) =>
  Effect.tryPromise({
    // Loaded when a playbook is read: most workers never read one.
    try: async (): Promise<unknown> => (await import("yaml")).parse(text, { maxAliasCount: 100 }),
    catch: (cause) =>
      new ControlPlaneError({
        operation,
        reason: new Unreadable({ detail: messageOf(cause) })
      })
  })
