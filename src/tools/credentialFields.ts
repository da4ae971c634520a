/** The fields of stored credentials under the names that a tool's configuration has for them. */
import type { Json, JsonObject } from "../domain/Json.ts"

export type CredentialFields = (data: JsonObject) => JsonObject

/** Each name with the fields it may come from; the first one that is there counts. */
export const renamed =
  (names: ReadonlyArray<readonly [name: string, sources: ReadonlyArray<string>]>): CredentialFields =>
  (data) =>
    Object.fromEntries(
      names.flatMap(([name, sources]): ReadonlyArray<readonly [string, Json]> => {
        const source = sources.find((one) => data[one] !== undefined && data[one] !== null)
        return source === undefined ? [] : [[name, data[source] as Json]]
      })
    )

const messagingNames = renamed([
  ["url", ["nats_url", "url"]],
  ["user", ["nats_user", "nats_username", "user"]],
  ["password", ["nats_password", "password"]],
  ["token", ["nats_token", "token"]]
])
const renamedKeys = new Set(["nats_url", "nats_user", "nats_username", "nats_password", "nats_token"])

/** For tools that talk to a message broker (nats, kafka, pubsub): every other field stays as it is. */
export const messaging: CredentialFields = (data) => ({
  ...Object.fromEntries(Object.entries(data).filter(([key]) => !renamedKeys.has(key))),
  ...messagingNames(data)
})
