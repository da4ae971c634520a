/** On whose behalf a secret or a playbook is read from the control plane. */
import type { Command } from "./Command.ts"
import type { ExecutionId } from "./Ids.ts"

export interface CredentialScope {
  readonly executionId: ExecutionId
  readonly catalogId: string | undefined
  readonly serverUrl: string | undefined
}

export const credentialScopeOf = (command: Command): CredentialScope => {
  const catalogId = command.meta["catalog_id"] ?? command.context["catalog_id"]
  return {
    executionId: command.executionId,
    catalogId:
      typeof catalogId === "string" || typeof catalogId === "number" || typeof catalogId === "bigint"
        ? String(catalogId)
        : undefined,
    serverUrl: command.serverUrl
  }
}
