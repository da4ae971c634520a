/** Registered workers and cancelled executions, as all Python servers keep them. */
import { Effect } from "effect"
import type { ExecutionId } from "../../domain/Ids.ts"
import * as Json from "../../domain/Json.ts"
import type { Endpoint, RegisteredWorker, WorkerIdentity } from "./Dialect.ts"
import { objectOf, type Request, sendOk } from "./HttpJson.ts"

export const registration = (
  base: string,
  { capacity, hostname, name, pid, pool }: WorkerIdentity
): Request => ({
  operation: "register",
  method: "POST",
  url: `${base}/api/worker/pool/register`,
  body: {
    name,
    component_type: "worker_pool",
    runtime: "nodejs",
    status: "ready",
    capacity,
    hostname,
    pid,
    labels: { pool_name: pool },
    meta: {}
  }
})

export const deregistration = (base: string, name: string): Request => ({
  operation: "deregister",
  method: "POST",
  url: `${base}/api/worker/pool/deregister`,
  body: { name }
})

export const registeredWorkers = ({ base, http }: Endpoint) =>
  sendOk(http, { operation: "list workers", method: "GET", url: `${base}/api/worker/pools` }).pipe(
    Effect.map((answer): ReadonlyArray<RegisteredWorker> => {
      const { items } = objectOf(answer)
      return Array.isArray(items) ? items.filter(Json.isObject).map(workerOf) : []
    })
  )

export const isCancelled = ({ base, http }: Endpoint, execution: ExecutionId) =>
  http
    .send({
      operation: "ask for a cancellation",
      method: "GET",
      url: `${base}/api/executions/${execution}/cancellation-check`
    })
    .pipe(Effect.map((answer) => objectOf(answer)["cancelled"] === true))

const workerOf = ({ hostname, name, runtime }: Json.JsonObject): RegisteredWorker => {
  const host = hostname ?? (Json.isObject(runtime) ? runtime["hostname"] : undefined)
  return {
    name: typeof name === "string" ? name : "",
    hostname: typeof host === "string" ? host : undefined
  }
}
