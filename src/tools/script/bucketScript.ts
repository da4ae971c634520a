/** Script text from a bucket, over the HTTP APIs of Google Cloud Storage and S3. Without a credential: public objects. */
import { Clock, Duration, Effect } from "effect"
import type { JsonObject } from "../../domain/Json.ts"
import * as Failure from "../../domain/Failure.ts"
import { ResolvedSecrets, shortened } from "../../domain/OutputMask.ts"
import type { GoogleTokens } from "../../google/GoogleTokens.ts"
import { keyFileOf } from "../../google/keyFile.ts"
import type { SafeHttp } from "../http/SafeHttp.ts"
import { CredentialMissing, ExecutionFailed, InvalidConfig, ToolError } from "../../domain/ToolError.ts"
import { pathOf, signedHeaders } from "./awsSignature.ts"

export interface BucketSource {
  readonly type: "gcs" | "s3"
  readonly uri: string
  readonly region: string | undefined
  /** Of a store that is not Google's or Amazon's own. */
  readonly endpoint: string | undefined
  readonly credential: JsonObject | undefined
}

export interface Clients {
  readonly http: SafeHttp["Service"]
  readonly google: GoogleTokens["Service"]
}

export const maxScriptBytes = 1024 * 1024
const within = Duration.seconds(30)

export const loadFromBucket = Effect.fnUntraced(function* (
  { google, http }: Clients,
  tool: string,
  source: BucketSource
) {
  const [, bucket, key] = /^(?:gs|gcs|s3):\/\/([^/]+)\/(.+)$/.exec(source.uri) ?? []
  if (bucket === undefined || key === undefined) {
    const problem = `Expected ${source.type === "gcs" ? "gs" : "s3"}://bucket/key`
    return yield* new ToolError({
      tool,
      reason: new InvalidConfig({ issues: [{ at: "script.uri", problem }] })
    })
  }
  const request =
    source.type === "gcs" ? yield* gcs(google, tool, source, bucket, key) : yield* s3(source, bucket, key)
  const response = yield* http.request({
    tool,
    ...request,
    secretHeaders: Object.keys(request.headers),
    timeouts: { total: within },
    maxResponseBytes: maxScriptBytes
  })
  const text = new TextDecoder().decode(response.body)
  if (response.status >= 200 && response.status < 300) return text
  const failure = Failure.ofHttpStatus(response.status, tool)
  return yield* new ToolError({
    tool,
    reason: new ExecutionFailed({
      failure: {
        ...failure,
        message: `script: ${source.uri}: HTTP ${response.status}: ${yield* shortened(text, 300)}`
      }
    })
  })
})

const s3 = Effect.fnUntraced(function* (
  { credential, endpoint, region }: BucketSource,
  bucket: string,
  key: string
) {
  const data = credential ?? {}
  const where = region ?? text(data, "region", "region_name", "aws_region") ?? "us-east-1"
  const own = endpoint ?? text(data, "endpoint", "endpoint_url")
  const url = new URL(
    own !== undefined
      ? `${own.replace(/\/$/, "")}/${bucket}/${pathOf(key)}`
      : bucket.includes(".")
        ? // A certificate for *.s3.… does not cover a bucket with a dot in its name.
          `https://s3.${where}.amazonaws.com/${bucket}/${pathOf(key)}`
        : `https://${bucket}.s3.${where}.amazonaws.com/${pathOf(key)}`
  )
  const accessKeyId = text(data, "access_key_id", "key_id", "aws_access_key_id", "access_key")
  const secretAccessKey = text(data, "secret_access_key", "secret_key", "secret", "aws_secret_access_key")
  if (accessKeyId === undefined || secretAccessKey === undefined) return { url: url.href, headers: {} }
  const keys = {
    accessKeyId,
    secretAccessKey,
    sessionToken: text(data, "session_token", "aws_session_token")
  }
  const now = yield* Clock.currentTimeMillis
  return { url: url.href, headers: signedHeaders({ url, region: where, keys, now }) }
})

const gcs = Effect.fnUntraced(function* (
  google: GoogleTokens["Service"],
  tool: string,
  { credential, endpoint }: BucketSource,
  bucket: string,
  key: string
) {
  const data = credential ?? {}
  const base = (endpoint ?? text(data, "endpoint") ?? "https://storage.googleapis.com").replace(/\/$/, "")
  const url = `${base}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}?alt=media`
  const token = text(data, "access_token", "token") ?? (yield* tokenOf(google, tool, data))
  return { url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }
})

/** By the worker's one client of Google: a key is sent nowhere else, whatever the key says. */
const tokenOf = Effect.fnUntraced(function* (
  google: GoogleTokens["Service"],
  tool: string,
  data: JsonObject
) {
  const key = keyFileOf(data)
  if (key === undefined) return undefined
  const token = yield* google.token({ data, scopes: [scope], audience: undefined }).pipe(
    Effect.mapError(
      ({ detail, isRetryable }) =>
        new ToolError({
          tool,
          reason: new CredentialMissing({
            credential: key.type === "service_account" ? key.email : key.clientId,
            detail,
            retryable: isRetryable
          })
        })
    )
  )
  yield* (yield* ResolvedSecrets)("token for a script", token)
  return token
})

const scope = "https://www.googleapis.com/auth/devstorage.read_only"

const text = (data: JsonObject, ...names: ReadonlyArray<string>): string | undefined =>
  names.map((name) => data[name]).find((value): value is string => typeof value === "string" && value !== "")
