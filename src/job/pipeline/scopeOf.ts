/** On whose behalf a command asks its control plane for something. */
import type { CredentialScope } from "../../control-plane/ControlPlane.ts"
import type { Command } from "../../domain/Command.ts"

export const scopeOf = (command: Command): CredentialScope => {
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
