/** A stored credential as the connection settings of snowflake. */
import { renamed } from "../credentialFields.ts"

export const credentialFields = renamed([
  ["account", ["sf_account", "account"]],
  ["user", ["sf_user", "user", "username"]],
  ["password", ["sf_password", "password"]],
  ["private_key", ["sf_private_key", "private_key"]],
  ["public_key", ["sf_public_key", "public_key"]],
  ["private_key_passphrase", ["sf_private_key_passphrase", "private_key_passphrase"]],
  ["warehouse", ["sf_warehouse", "warehouse"]],
  ["database", ["sf_database", "database"]],
  ["schema", ["sf_schema", "schema"]],
  ["role", ["sf_role", "role"]]
])
