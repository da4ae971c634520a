/**
 * The database that the playbooks write to. It is emptied before each playbook, since several use the same names
 * otherwise, so it must be one that is there for this.
 */
import { Client } from "pg"
import { call } from "./server.ts"

const url = process.env["COMPARE_DATABASE_URL"]

const using = async <A>(work: (client: Client) => Promise<A>): Promise<A> => {
  if (url === undefined) throw new Error("COMPARE_DATABASE_URL is not set")
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Credentials for it under every name that the playbooks use. */
export const registerCredentials = async (): Promise<void> => {
  if (url === undefined) return
  const data = {
    db_host: parts().PG_HOST,
    db_port: parts().PG_PORT,
    db_user: parts().PG_USER,
    db_password: parts().PG_PASSWORD,
    db_name: parts().PG_DATABASE
  }
  for (const name of ["pg_local", "pg_k8s", "pg_auth", "pg_noetl_k8s", "pg_trade", "test_postgres"])
    await call("/api/credentials", { name, type: "postgres", data })
}

/** `$PG_HOST` and the like in a playbook that connects by itself. */
export const parts = (): Readonly<
  Record<"PG_HOST" | "PG_PORT" | "PG_USER" | "PG_PASSWORD" | "PG_DATABASE", string>
> => {
  const { hostname, port, username, password, pathname } = new URL(url ?? "postgres://localhost:5432/demo")
  return {
    PG_HOST: hostname,
    PG_PORT: port === "" ? "5432" : port,
    PG_USER: decodeURIComponent(username),
    PG_PASSWORD: decodeURIComponent(password),
    PG_DATABASE: pathname.slice(1)
  }
}

export const empty = async (setup: string | undefined): Promise<void> => {
  if (url === undefined) return
  await using(async (client) => {
    const { rows } = await client.query<{ readonly name: string }>(
      "SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    )
    for (const { name } of rows) await client.query(`DROP SCHEMA ${name} CASCADE`)
    await client.query("CREATE SCHEMA public")
    if (setup !== undefined) await client.query(setup)
  })
}

export const rowsOf = (sql: string): Promise<unknown> =>
  using(async (client) => (await client.query({ text: sql, rowMode: "array" })).rows)
