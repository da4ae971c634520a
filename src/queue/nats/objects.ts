/**
 * The stream and the durable consumer that a worker reads from. What exists is adopted and never deleted: a Python
 * worker recreates a durable whose `max_ack_pending` is not its own, so ours is made with the same numbers.
 */
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType
} from "@nats-io/jetstream"
import { millis, type NatsConnection as Connection, nanos } from "@nats-io/transport-node"
import { Duration, Effect } from "effect"
import { messageOf } from "../../domain/messageOf.ts"
import { Disconnected, QueueError, StreamMissing } from "../MessageQueue.ts"

export interface ConsumerSettings {
  /** Used when no stream has the subject yet. */
  readonly stream: string
  /** The durable; undefined takes one of NoETL's own that is there, else makes `worker-pool`. */
  readonly consumer: string | undefined
  /** What the server publishes to: `noetl.commands`. */
  readonly subject: string
  /** What the consumer takes of the stream; undefined takes everything. */
  readonly filter: string | undefined
  readonly ackWait: Duration.Duration
  readonly maxDeliver: number
  readonly maxAckPending: number
  /** Changes an existing consumer to these settings, which is otherwise only warned about. */
  readonly update: boolean
}

/** The durables that NoETL's own workers make. */
const knownDurables = ["noetl_worker_pool", "worker-pool"]

export const ensureConsumer = Effect.fnUntraced(function* (nc: Connection, settings: ConsumerSettings) {
  const jsm = yield* attempt(() => jetstreamManager(nc))
  const stream = yield* ensureStream(jsm, settings)
  const name = settings.consumer ?? (yield* knownDurable(jsm, stream)) ?? "worker-pool"
  const existing = yield* lookUp(() => jsm.consumers.info(stream, name))
  if (existing === undefined) {
    yield* Effect.logInfo(`making the consumer ${name} of the stream ${stream}`)
    return yield* attempt(() => jsm.consumers.add(stream, { durable_name: name, ...wantedConfig(settings) }))
  }
  return yield* adopt(jsm, existing, settings)
})

/** How long the server waits for a settlement or an extension. */
export const ackWaitOf = (info: ConsumerInfo): Duration.Duration =>
  Duration.millis(info.config.ack_wait === undefined ? 30_000 : millis(info.config.ack_wait))

/**
 * Messages of the consumer that were never delivered. Who may not read the stream's messages is told how many there are, not how
 * old the oldest is.
 */
export const waitingOf = Effect.fnUntraced(function* (nc: Connection, settings: ConsumerSettings) {
  const jsm = yield* attempt(() => jetstreamManager(nc))
  const stream = yield* lookUp(() => jsm.streams.find(settings.filter ?? settings.subject))
  if (stream === undefined) return undefined
  const name = settings.consumer ?? (yield* knownDurable(jsm, stream)) ?? "worker-pool"
  const info = yield* lookUp(() => jsm.consumers.info(stream, name))
  if (info === undefined) return undefined
  const count = info.num_pending
  const limit = info.config.max_ack_pending ?? -1
  const held = limit > 0 ? { held: { count: info.num_ack_pending, limit } } : {}
  if (count === 0) return { count, oldestAt: undefined, ...held }
  const next = { seq: info.delivered.stream_seq + 1, next_by_subj: info.config.filter_subject ?? ">" }
  const oldest = yield* lookUp(() => jsm.streams.getMessage(stream, next)).pipe(
    Effect.timeoutOrElse({ duration: "500 millis", orElse: () => Effect.succeed(undefined) }),
    Effect.catch(() => Effect.succeed(undefined))
  )
  return { count, oldestAt: oldest?.time.getTime(), ...held }
})

const ensureStream = Effect.fnUntraced(function* (jsm: JetStreamManager, settings: ConsumerSettings) {
  const found = yield* lookUp(() => jsm.streams.find(settings.filter ?? settings.subject))
  if (found !== undefined) {
    if (found !== settings.stream) {
      yield* Effect.logDebug(`the subject ${settings.subject} belongs to the stream ${found}, which is used`)
    }
    return found
  }
  const named = yield* lookUp(() => jsm.streams.info(settings.stream))
  if (named !== undefined) {
    return yield* new QueueError({
      reason: new StreamMissing({
        detail:
          `the stream ${settings.stream} exists without the subject ${settings.subject} (it has ` +
          `${named.config.subjects.join(", ")}); set NATS_SUBJECT to one of its subjects or NATS_STREAM to another stream`
      })
    })
  }
  yield* Effect.logInfo(`making the stream ${settings.stream} for ${settings.subject}`)
  yield* attempt(() =>
    jsm.streams.add({
      name: settings.stream,
      subjects: [settings.subject, `${settings.subject}.>`],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      max_age: nanos(3_600_000)
    })
  )
  return settings.stream
})

const knownDurable = Effect.fnUntraced(function* (jsm: JetStreamManager, stream: string) {
  for (const name of knownDurables) {
    if ((yield* lookUp(() => jsm.consumers.info(stream, name))) !== undefined) return name
  }
  return undefined
})

const adopt = Effect.fnUntraced(function* (
  jsm: JetStreamManager,
  info: ConsumerInfo,
  settings: ConsumerSettings
) {
  const differences = differencesOf(info.config, settings)
  if (differences.length === 0) return info
  if (settings.update) {
    yield* Effect.logWarning(`changing the consumer ${info.name}: ${differences.join("; ")}`)
    const { ack_wait, max_deliver, max_ack_pending } = wantedConfig(settings)
    return yield* attempt(() =>
      jsm.consumers.update(info.stream_name, info.name, { ack_wait, max_deliver, max_ack_pending })
    )
  }
  yield* Effect.logWarning(
    `the consumer ${info.name} is used as it is; it differs from our settings: ${differences.join("; ")} ` +
      `(NATS_CONSUMER_UPDATE=true changes it)`
  )
  return info
})

/** The differences that matter to a worker, in words. */
export const differencesOf = (config: ConsumerConfig, settings: ConsumerSettings): ReadonlyArray<string> => {
  const wanted = wantedConfig(settings)
  const seconds = (ns: number | undefined) => `${ns === undefined ? "?" : millis(ns) / 1000} s`
  return [
    config.ack_wait === wanted.ack_wait
      ? undefined
      : `ack_wait is ${seconds(config.ack_wait)}, not ${seconds(wanted.ack_wait)}`,
    config.max_ack_pending === wanted.max_ack_pending
      ? undefined
      : `max_ack_pending is ${config.max_ack_pending}, not ${wanted.max_ack_pending}`,
    (config.max_deliver ?? -1) === wanted.max_deliver
      ? undefined
      : `max_deliver is ${config.max_deliver ?? "unlimited"}, not ${wanted.max_deliver}`,
    (config.filter_subject ?? undefined) === settings.filter
      ? undefined
      : `filter is ${config.filter_subject ?? "none"}, not ${settings.filter ?? "none"}`
  ].filter((line) => line !== undefined)
}

const wantedConfig = (settings: ConsumerSettings) => ({
  ack_policy: AckPolicy.Explicit,
  // Commands that were published before the first worker came are claims like any other.
  deliver_policy: DeliverPolicy.All,
  ack_wait: nanos(Duration.toMillis(settings.ackWait)),
  max_deliver: settings.maxDeliver,
  max_ack_pending: settings.maxAckPending,
  ...(settings.filter === undefined ? {} : { filter_subject: settings.filter })
})

// --- the driver's edge ---

/** What the driver throws, as the queue's error. */
export const disconnected = (cause: unknown): QueueError =>
  new QueueError({ reason: new Disconnected({ detail: messageOf(cause) }) })

export const attempt = <A>(call: () => Promise<A>): Effect.Effect<A, QueueError> =>
  Effect.tryPromise({ try: call, catch: disconnected })

/** Undefined when there is no such stream or consumer. */
const lookUp = <A>(call: () => Promise<A>) =>
  attempt(() => call().catch((cause: unknown) => (isNotFound(cause) ? undefined : Promise.reject(cause))))

const isNotFound = (cause: unknown) =>
  (cause instanceof JetStreamApiError && cause.code === 404) ||
  (cause instanceof Error && /no stream matches|not found/.test(cause.message))
