/** A token endpoint and a metadata server as Google's: it verifies what it is sent, and counts what it gives. */
import { Effect } from "effect"
import { generateKeyPairSync, verify } from "node:crypto"
import * as HttpStub from "./HttpStub.ts"

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 })

export const email = "worker@project.iam.gserviceaccount.com"
export const serviceAccount = {
  type: "service_account",
  client_email: email,
  private_key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  token_uri: "http://127.0.0.1:1/somebody-elses"
}
export const user = {
  type: "authorized_user",
  client_id: "a-client",
  client_secret: "client-secret-1",
  refresh_token: "refresh-token-1"
}

type Claims = Readonly<Record<string, unknown>>

const claimsOf = (assertion: string, audience: string): Claims | string => {
  const [head = "", body = "", signature = ""] = assertion.split(".")
  if (
    !verify("RSA-SHA256", Buffer.from(`${head}.${body}`), pair.publicKey, Buffer.from(signature, "base64url"))
  )
    return "the signature is wrong"
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Claims
  if (claims["iss"] !== email) return "the issuer is unknown"
  if (claims["aud"] !== audience) return "the statement is for somebody else"
  return Number(claims["exp"]) - Number(claims["iat"]) === 3600 ? claims : "it lives too long"
}

export const make = Effect.fnUntraced(function* (options: { readonly failFirst?: number } = {}) {
  const given: Array<string> = []
  let failures = options.failFirst ?? 0
  const stub: HttpStub.Stub = yield* HttpStub.make((asked, response) => {
    const give = (document: Claims, name: string) => {
      given.push(name)
      response.setHeader("content-type", "application/json").end(JSON.stringify(document))
    }
    const refuse = (status: number, error: string) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error }))
    if (failures > 0) {
      failures -= 1
      return refuse(503, "unavailable")
    }
    if (asked.path.startsWith("/computeMetadata/v1/instance/service-accounts/default/")) {
      if (asked.headers["metadata-flavor"] !== "Google") return refuse(403, "no flavor")
      const audience = asked.query.get("audience")
      if (asked.path.endsWith("/identity")) {
        given.push(`machine for ${audience}`)
        return response.end(`id-token-of-machine-${given.length}`)
      }
      return give(
        { access_token: `machine-token-${given.length + 1}`, expires_in: 600, token_type: "Bearer" },
        `machine ${asked.query.get("scopes")}`
      )
    }
    const form = new URLSearchParams(asked.body.toString())
    if (form.get("grant_type") === "refresh_token") {
      if (
        form.get("refresh_token") !== user.refresh_token ||
        form.get("client_secret") !== user.client_secret
      )
        return refuse(400, "invalid_grant")
      return give({ access_token: `user-token-${given.length + 1}`, expires_in: 600 }, "user")
    }
    const claims = claimsOf(form.get("assertion") ?? "", `${stub.url}/token`)
    if (typeof claims === "string") return refuse(400, claims)
    const target = claims["target_audience"]
    return typeof target === "string"
      ? give({ id_token: `id-token-${given.length + 1}` }, `account for ${target}`)
      : give(
          { access_token: `account-token-${given.length + 1}`, expires_in: 3600, token_type: "Bearer" },
          `account ${String(claims["scope"])}`
        )
  })
  return { url: `${stub.url}/token`, host: stub.url.replace("http://", ""), given, stub }
})
