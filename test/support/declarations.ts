/** What the shipped tools declare, for pipelines whose tools are stubs. `test/tools/index.test.ts` holds it to the tools. */
import type { Declaration } from "../../src/tools/Tool.ts"
import { messaging } from "../../src/tools/credentialFields.ts"
import { view } from "../../src/tools/http/view.ts"
import { credentialFields as postgres } from "../../src/tools/postgres/credential.ts"
import { credentialFields as snowflake } from "../../src/tools/snowflake/credential.ts"

export const shipped: Readonly<Record<string, Declaration>> = {
  http: { credentials: { googleTokens: true }, view },
  python: { pythonKeys: new Set(["code"]) },
  postgres: { credentials: { fields: postgres } },
  snowflake: { credentials: { fields: snowflake } },
  transfer: { connections: ["source", "target"] }
}

const broker: Declaration = { credentials: { fields: messaging } }

/** Tools that an embedder may add. */
const added: Readonly<Record<string, Declaration>> = {
  nats: broker,
  kafka: broker,
  agent: { statusIsData: true }
}

export const declarationOf = (kind: string): Declaration => shipped[kind] ?? added[kind] ?? {}
