/** Keys, JWTs and credentials for a nats-server with an operator of its own, as `nsc` would make them. */
import { createAccount, createOperator, createUser, type KeyPair } from "@nats-io/nkeys"
import { createHash } from "node:crypto"

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

/** An nkey: what the server's configuration names, and what the worker keeps in its file. */
export const nkey = () => {
  const user = createUser()
  return { publicKey: user.getPublicKey(), seed: text(user.getSeed()) }
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

const jwt = (issuer: KeyPair, subject: string, name: string, nats: Readonly<Record<string, unknown>>) => {
  const claims = { iat: 1_700_000_000, iss: issuer.getPublicKey(), name, sub: subject, nats }
  const jti = createHash("sha256").update(JSON.stringify(claims)).digest("hex")
  const head = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ jti, ...claims })}`
  return `${head}.${Buffer.from(issuer.sign(Buffer.from(head))).toString("base64url")}`
}

const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1 }

/** A server's configuration for an operator with one account, and credentials of its users. */
export const operator = () => {
  const root = createOperator()
  const accounts = ["SYS", "APP"].map((name) => {
    const key = createAccount()
    const nats = { type: "account", version: 2, limits: { ...unlimited, leaf: -1 } }
    return { key, name, jwt: jwt(root, key.getPublicKey(), name, nats) }
  })
  const [system, app] = accounts
  const config = [
    `operator: ${jwt(root, root.getPublicKey(), "test", { type: "operator", version: 2 })}`,
    `system_account: ${system!.key.getPublicKey()}`,
    "resolver: MEMORY",
    `resolver_preload: {`,
    ...accounts.map((account) => `  ${account.key.getPublicKey()}: ${account.jwt}`),
    "}"
  ].join("\n")
  const creds = (name: string) => {
    const user = createUser()
    const token = jwt(app!.key, user.getPublicKey(), name, { type: "user", version: 2, ...unlimited })
    return (
      `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${text(user.getSeed())}\n------END USER NKEY SEED------\n`
    )
  }
  return { config, creds }
}
