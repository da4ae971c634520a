/** AWS Signature Version 4 for a request without a body. Pure. */
import { createHash, createHmac } from "node:crypto"

export interface AwsKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

/** The headers that sign a GET of S3, those given included. */
export const signedHeaders = (request: {
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly region: string
  readonly keys: AwsKeys
  /** Milliseconds since the epoch. */
  readonly now: number
}): Record<string, string> => {
  const { keys, now, region, url } = request
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "")
  const day = time.slice(0, 8)
  const headers: Record<string, string> = {
    ...request.headers,
    host: url.host,
    "x-amz-content-sha256": emptyHash,
    "x-amz-date": time,
    ...(keys.sessionToken === undefined ? {} : { "x-amz-security-token": keys.sessionToken })
  }
  const names = Object.keys(headers).toSorted()
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&")
  const canonical = [
    "GET",
    url.pathname,
    query,
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    "",
    names.join(";"),
    emptyHash
  ].join("\n")
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${keys.secretAccessKey}`
  )
  const signature = hmac(key, toSign).toString("hex")
  const { host: _, ...sent } = headers
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope},SignedHeaders=${names.join(";")},Signature=${signature}`
  }
}

/** A key as a path: every byte that is not unreserved in percent form, slashes as they are. */
export const pathOf = (key: string): string => key.split("/").map(encode).join("/")

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()
const emptyHash = sha256("")
