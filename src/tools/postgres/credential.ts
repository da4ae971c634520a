/** A stored credential as the connection settings of postgres. */
import { type CredentialFields, renamed } from "../credentialFields.ts"

const names = renamed([
  ["host", ["db_host", "host", "hostname"]],
  ["port", ["db_port", "port"]],
  ["user", ["db_user", "user", "username"]],
  ["password", ["db_password", "password"]],
  ["database", ["db_name", "database", "dbname"]],
  ["sslmode", ["sslmode", "db_sslmode"]]
])

/** A port may be stored as text. */
export const credentialFields: CredentialFields = (data) => {
  const fields = names(data)
  const port = fields["port"]
  return typeof port === "string" && /^\d{1,5}$/.test(port) ? { ...fields, port: Number(port) } : fields
}
