/**
 * Which generation of the NoETL server answers at an address.
 *
 * The Rust server tells its version, database and broker at `/api/health`. The Python servers answer `{"status":"ok"}` there,
 * and their version constant never changed; their OpenAPI document shows what an event may carry, and that did: up to 2.12
 * an `EventRequest` has `result_kind`, later ones have none.
 */
import { Effect } from "effect"
import { isObject, type Json } from "../../domain/Json.ts"
import type { ControlPlaneError } from "../ControlPlane.ts"
import type { Endpoint } from "./Dialect.ts"
import type { Answer } from "./HttpJson.ts"

export type Generation = "python2" | "python4" | "rust3" | "unknown"

/** What a person calls it. */
export const generationNames: Readonly<Record<Generation, string>> = {
  python2: "a Python server of 2.8 to 2.12",
  python4: "a Python server of a later generation than 2.12 (4.x)",
  rust3: "the Rust server (3.x)",
  unknown: "a server of an unknown generation"
}

export const generationAt = ({ base, http }: Endpoint): Effect.Effect<Generation, ControlPlaneError> =>
  Effect.gen(function* () {
    const get = (url: string) =>
      http.send({ operation: "ask for the server's generation", method: "GET", url })
    if (isRust(yield* get(`${base}/api/health`))) return "rust3"
    return pythonGeneration(yield* get(`${base}/openapi.json`))
  })

export const isRust = ({ body }: Pick<Answer, "body">): boolean => {
  const { database, nats, version } = isObject(body) ? body : {}
  return version !== undefined && database !== undefined && nats !== undefined
}

/** A proxy may hide the document: that tells nothing. */
export const pythonGeneration = (answer: Pick<Answer, "body">): Generation => {
  const request = at(answer.body, ["components", "schemas", "EventRequest", "properties"])
  if (!isObject(request)) return "unknown"
  return request["result_kind"] === undefined ? "python4" : "python2"
}

const at = (value: Json, path: ReadonlyArray<string>): Json | undefined =>
  path.reduce<Json | undefined>((now, key) => (isObject(now) ? now[key] : undefined), value)
