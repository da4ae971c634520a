/** The operator's options for HTTP requests. */
import { Context, Duration } from "effect"

export interface SafeHttpSettings {
  /** From the first byte sent to the last one read. */
  readonly timeout: Duration.Duration
  readonly connectTimeout: Duration.Duration
  readonly maxResponseBytes: number
  /** Addresses of proxies, as HTTP_PROXY, HTTPS_PROXY and NO_PROXY have them. */
  readonly proxy: {
    readonly http?: string | undefined
    readonly https?: string | undefined
    readonly no?: string | undefined
  }
  /** PEM texts that are trusted beside the system's. */
  readonly certificates: ReadonlyArray<string>
  /** Whether HTTP/2 is offered to servers that speak TLS. */
  readonly http2: boolean
  readonly connectionsPerOrigin: number
  readonly keepAlive: Duration.Duration
  /** Sets of connections by TLS settings and proxy; more at a time than these are refused. */
  readonly maxPools: number
  /** Files that a playbook may name as certificate or key lie below it; without it there are none. */
  readonly filesRoot: string | undefined
  readonly userAgent: string
}

export const defaults: SafeHttpSettings = {
  timeout: Duration.seconds(60),
  connectTimeout: Duration.seconds(10),
  maxResponseBytes: 50 * 1024 * 1024,
  proxy: {},
  certificates: [],
  http2: true,
  connectionsPerOrigin: 64,
  keepAlive: Duration.seconds(30),
  maxPools: 64,
  filesRoot: undefined,
  userAgent: "noetl-worker"
}

/** Read once, when the client is built; `Layer.succeed(SafeHttpOptions, {…})` around it changes it. */
export const SafeHttpOptions = Context.Reference<SafeHttpSettings>(
  "noetl-worker/tools/http/SafeHttpOptions",
  {
    defaultValue: () => defaults
  }
)
