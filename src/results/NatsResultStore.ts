/**
 * Results in JetStream, where the Python servers and workers keep theirs: a key-value bucket for values up to a megabyte,
 * an object bucket for larger ones. Buckets that exist are used as they are.
 */
import { type KV, Kvm } from "@nats-io/kv"
import { type ObjectStore, Objm } from "@nats-io/obj"
import type { NatsConnection as Connection } from "@nats-io/transport-node"
import { Clock, DateTime, Duration, Effect, Layer } from "effect"
import { promisify } from "node:util"
import { gunzip, gzip } from "node:zlib"
import { messageOf } from "../domain/messageOf.ts"
import { NatsConnection } from "../nats/NatsConnection.ts"
import { newRef } from "./reference.ts"
import {
  type Content,
  decoded,
  failed,
  type Reason,
  type ResultKey,
  ResultMissing,
  ResultStore,
  ResultTooLarge,
  ResultUnreadable,
  StoreUnavailable
} from "./ResultStore.ts"

export interface Options {
  readonly bucket: string
  readonly objectBucket: string
  readonly ttl: Duration.Input
  /** Larger texts are compressed. */
  readonly gzipAbove: number
  readonly maxValueBytes: number
  readonly maxObjectBytes: number
  readonly timeout: Duration.Input
}

export const defaults: Options = {
  bucket: "noetl_result_store",
  objectBucket: "noetl_result_objects",
  ttl: "2 hours",
  gzipAbove: 10 * 1024,
  maxValueBytes: 1_000_000,
  maxObjectBytes: 64 * 1024 * 1024,
  timeout: "10 seconds"
}

export const layer = (options: Partial<Options> = {}): Layer.Layer<ResultStore, never, NatsConnection> =>
  Layer.effect(ResultStore, make({ ...defaults, ...options }))

/** The key of a reference: without the scheme, `/` as `_`, then `:` as `.`. */
export const keyOf = (ref: string): string =>
  ref
    .replace(/^noetl:\/\//, "")
    .replaceAll("/", "_")
    .replaceAll(":", ".")

const make = Effect.fnUntraced(function* (options: Options) {
  const { connection } = yield* NatsConnection
  const ttl = Duration.toMillis(Duration.fromInputUnsafe(options.ttl))

  /** Opened anew for every use: a bucket may be made, or deleted, at any time. */
  const using = <A>(ref: string, work: (nc: Connection) => Promise<A>) =>
    Effect.flatMap(connection, (nc) =>
      Effect.tryPromise({ try: () => work(nc), catch: (cause) => failed(ref, reasonOf(cause)) })
    ).pipe(
      Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () => Effect.fail(failed(ref, new StoreUnavailable({ detail: "NATS does not answer" })))
      })
    )

  const put = Effect.fn("NatsResultStore.put")(function* (key: ResultKey, { text }: Content) {
    const ref = newRef(key)
    const bytes = yield* Effect.promise(() => packed(text, options.gzipAbove))
    const expiresAt = DateTime.formatIso(DateTime.makeUnsafe((yield* Clock.currentTimeMillis) + ttl))
    if (bytes.length > options.maxObjectBytes) {
      const detail = `${bytes.length} bytes, more than ${options.maxObjectBytes}`
      return yield* Effect.fail(failed(ref, new ResultTooLarge({ detail })))
    }
    if (bytes.length <= options.maxValueBytes) {
      yield* using(ref, async (nc) => void (await (await bucket(nc, options, ttl)).put(keyOf(ref), bytes)))
      return { ref, store: "kv", expiresAt }
    }
    yield* using(
      ref,
      async (nc) => void (await (await objects(nc, options, ttl)).putBlob({ name: keyOf(ref) }, bytes))
    )
    return { ref, store: "object", expiresAt }
  })

  const get = Effect.fn("NatsResultStore.get")(function* (ref: string, store: string | undefined) {
    const bytes = yield* using(ref, (nc) => read(nc, options, keyOf(ref), store))
    if (bytes === null) return yield* Effect.fail(failed(ref, new ResultMissing({ detail: "not found" })))
    return yield* unpack(ref, bytes)
  })

  return ResultStore.of({ name: "nats", put, get })
})

const unpack = Effect.fnUntraced(function* (ref: string, bytes: Uint8Array) {
  const text = yield* Effect.tryPromise({
    try: () => unpacked(bytes),
    catch: (cause) => failed(ref, new ResultUnreadable({ detail: messageOf(cause) }))
  })
  return yield* decoded(ref, text, maxText)
})

// --- the driver's edge ---

/** A small text may unpack to a huge one. */
const maxText = 256 * 1024 * 1024

const bucket = (nc: Connection, options: Options, ttl: number): Promise<KV> =>
  new Kvm(nc).create(options.bucket, { ttl, history: 1 }).catch(() => new Kvm(nc).open(options.bucket))

const objects = (nc: Connection, options: Options, ttl: number): Promise<ObjectStore> =>
  // In nanoseconds here, in milliseconds there.
  new Objm(nc)
    .create(options.objectBucket, { ttl: ttl * 1_000_000 })
    .catch(() => new Objm(nc).open(options.objectBucket))

const read = async (
  nc: Connection,
  options: Options,
  key: string,
  store: string | undefined
): Promise<Uint8Array | null> => {
  if (store !== "object" && store !== "object_store") {
    const entry = await (await new Kvm(nc).open(options.bucket)).get(key).catch(nothingThere)
    if (entry !== null && entry.operation === "PUT") return entry.value
    if (store === "kv" || store === "nats") return null
  }
  return new Objm(nc)
    .open(options.objectBucket)
    .then((found) => found.getBlob(key))
    .catch(nothingThere)
}

/** A bucket that does not exist has nothing in it; any other trouble is trouble. */
const nothingThere = (cause: unknown): null => {
  if (/not found|404|no such/i.test(messageOf(cause))) return null
  throw cause
}

const packed = async (text: string, gzipAbove: number): Promise<Uint8Array> => {
  const bytes = Buffer.from(text)
  return bytes.length > gzipAbove ? promisify(gzip)(bytes) : bytes
}

const unpacked = async (bytes: Uint8Array): Promise<string> =>
  bytes[0] === 0x1f && bytes[1] === 0x8b
    ? (await promisify(gunzip)(bytes, { maxOutputLength: maxText })).toString("utf8")
    : Buffer.from(bytes).toString("utf8")

const reasonOf = (cause: unknown): Reason => new StoreUnavailable({ detail: messageOf(cause) })
