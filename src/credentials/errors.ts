/** What can go wrong with a credential, as a tool's error: a policy rule can handle it. */
import type { ControlPlaneError } from "../control-plane/ControlPlane.ts"
import type { GoogleTokenError } from "../google/GoogleTokens.ts"
import { CredentialMissing, ToolError } from "../domain/ToolError.ts"

export const missing = (tool: string, credential: string) =>
  new ToolError({
    tool,
    reason: new CredentialMissing({ credential, detail: "not found", retryable: false })
  })

export const notInEnv = (tool: string, credential: string) =>
  new ToolError({
    tool,
    reason: new CredentialMissing({
      credential,
      detail: "not in the environment (NOETL_SECRET_…)",
      retryable: false
    })
  })

export const unreachable = (tool: string, credential: string, error: ControlPlaneError) =>
  new ToolError({
    tool,
    reason: new CredentialMissing({ credential, detail: error.message, retryable: error.isRetryable })
  })

export const noToken = (tool: string, credential: string) =>
  new ToolError({
    tool,
    reason: new CredentialMissing({ credential, detail: "it has no token", retryable: false })
  })

export const tokenFailed = (tool: string, credential: string, error: GoogleTokenError) =>
  new ToolError({
    tool,
    reason: new CredentialMissing({ credential, detail: error.message, retryable: error.isRetryable })
  })
