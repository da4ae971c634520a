/** What the API server says → the tool's error. */
import * as Failure from "../../domain/Failure.ts"
import { ToolError } from "../../domain/ToolError.ts"
import type { KubernetesError } from "../../kubernetes/KubernetesApi.ts"

export const toolError =
  (tool: string) =>
  (error: KubernetesError): ToolError =>
    ToolError.ofFailure(tool, failureOf(error, tool))

const failureOf = (error: KubernetesError, source: string): Failure.Failure => {
  const { message, reason } = error
  const make = (kind: Failure.FailureKind, code: string) =>
    Failure.make(kind, message, { code, source, retryable: error.isRetryable })
  switch (reason._tag) {
    case "NoCluster":
      return make("config", "NO_CLUSTER")
    case "Unreachable":
      return make("connection", "CONN_FAILED")
    case "Refused":
      return {
        ...make(kindOf(reason.status), `K8S_${reason.why.toUpperCase().replace(/\W/g, "_")}`),
        status: reason.status
      }
  }
}

const kindOf = (status: number): Failure.FailureKind => {
  if (status === 401 || status === 403) return "auth"
  if (status === 404) return "not_found"
  if (status === 429) return "rate_limit"
  return status >= 500 ? "server_error" : "config"
}
