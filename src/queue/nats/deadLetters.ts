/**
 * Dead letters in a JetStream stream of their own: the body as it came, and the reason in the headers. The worker
 * publishes the copy first and discards the message only when the stream confirmed the copy.
 */
import {
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  type StoredMsg,
  StorageType
} from "@nats-io/jetstream"
import { headers, type Msg, type NatsConnection as Connection, nanos } from "@nats-io/transport-node"
import { Effect } from "effect"
import type { DeadLetterNote } from "../MessageQueue.ts"
import { attempt } from "./objects.ts"

export interface DeadLetterStream {
  readonly stream: string
  readonly subject: string
}

export const defaultStream: DeadLetterStream = { stream: "NOETL_DEAD_LETTERS", subject: "noetl.dead_letters" }

export interface DeadLetter extends DeadLetterNote {
  /** Its number in the stream. */
  readonly seq: number
  readonly body: string
  readonly bytes: Uint8Array
  /** Where it was published first. */
  readonly subject: string
  readonly truncated: boolean
}

const names = {
  reason: "Noetl-Reason",
  attempts: "Noetl-Attempts",
  at: "Noetl-Time",
  worker: "Noetl-Worker",
  subject: "Noetl-Subject",
  truncated: "Noetl-Truncated"
} as const

/** Bytes for the headers within the largest message that the server takes. */
const forHeaders = 8 * 1024

/** Publishes the copy of a message, confirmed, and gives its number in the stream. */
export const deadLetter = Effect.fnUntraced(function* (
  nc: Connection,
  target: DeadLetterStream,
  message: Pick<Msg, "data" | "subject">,
  note: DeadLetterNote
) {
  const bytes = message.data
  const most = Math.max(0, (nc.info?.max_payload ?? 1024 * 1024) - forHeaders)
  const hdrs = headers()
  hdrs.set(names.reason, oneLine(note.reason, 2000))
  hdrs.set(names.attempts, String(note.attempts))
  hdrs.set(names.at, note.at)
  hdrs.set(names.worker, oneLine(note.worker, 500))
  hdrs.set(names.subject, oneLine(message.subject, 500))
  if (bytes.length > most) hdrs.set(names.truncated, String(bytes.length))
  const publish = attempt(() =>
    jetstream(nc).publish(target.subject, bytes.subarray(0, most), { headers: hdrs, timeout: 5000 })
  )
  return yield* publish.pipe(
    Effect.catch(() => Effect.andThen(ensureStream(nc, target), publish)),
    Effect.map(({ seq }) => String(seq))
  )
})

/** The dead letters from the oldest on. */
export const list = Effect.fnUntraced(function* (nc: Connection, target: DeadLetterStream, most: number) {
  const jsm = yield* attempt(() => jetstreamManager(nc))
  const found: Array<DeadLetter> = []
  let seq = 1
  while (found.length < most) {
    const stored = yield* next(jsm, target, seq)
    if (stored === undefined) break
    found.push(letterOf(stored))
    seq = stored.seq + 1
  }
  return found
})

export const get = Effect.fnUntraced(function* (nc: Connection, target: DeadLetterStream, seq: number) {
  const jsm = yield* attempt(() => jetstreamManager(nc))
  const stored = yield* next(jsm, target, seq)
  return stored === undefined || stored.seq !== seq ? undefined : letterOf(stored)
})

/** Publishes it again where it came from, confirmed, and only then takes it from here. */
export const retry = Effect.fnUntraced(function* (
  nc: Connection,
  target: DeadLetterStream,
  letter: DeadLetter
) {
  yield* attempt(() => jetstream(nc).publish(letter.subject, letter.bytes, { timeout: 5000 }))
  yield* remove(nc, target, letter.seq)
})

export const remove = Effect.fnUntraced(function* (nc: Connection, target: DeadLetterStream, seq: number) {
  const jsm = yield* attempt(() => jetstreamManager(nc))
  yield* attempt(() => jsm.streams.deleteMessage(target.stream, seq, false))
})

/** How many there were. */
export const purge = Effect.fnUntraced(function* (nc: Connection, target: DeadLetterStream) {
  const jsm = yield* attempt(() => jetstreamManager(nc))
  const answer = yield* attempt(() =>
    jsm.streams
      .purge(target.stream)
      .catch((cause: unknown) => (isMissing(cause) ? undefined : Promise.reject(cause)))
  )
  return answer?.purged ?? 0
})

// --- the driver's edge ---

const ensureStream = Effect.fnUntraced(function* (nc: Connection, target: DeadLetterStream) {
  const jsm = yield* attempt(() => jetstreamManager(nc))
  yield* attempt(() =>
    jsm.streams.add({
      name: target.stream,
      subjects: [target.subject],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      max_age: nanos(30 * 24 * 3_600_000)
    })
  )
  yield* Effect.logInfo(`made the stream ${target.stream} for dead letters`)
})

/** The first one from this number on. The client's type of a request does not know the server's `next_by_subj`. */
const next = (jsm: JetStreamManager, target: DeadLetterStream, seq: number) =>
  attempt((): Promise<StoredMsg | undefined> =>
    jsm.streams.getMessage(target.stream, Object.assign({ seq }, { next_by_subj: target.subject })).then(
      (stored) => stored ?? undefined,
      (cause: unknown) => (isMissing(cause) ? undefined : Promise.reject(cause))
    )
  )

const isMissing = (cause: unknown) =>
  cause instanceof Error && /no message found|stream not found/i.test(cause.message)

/** Headers may come from every client that may publish there. */
export const letterOf = (stored: Pick<StoredMsg, "seq" | "string" | "data" | "header">): DeadLetter => {
  const header = (name: string) => stored.header.get(name)
  return {
    seq: stored.seq,
    body: stored.string(),
    bytes: stored.data,
    reason: header(names.reason),
    attempts: Number(header(names.attempts)),
    at: header(names.at),
    worker: header(names.worker),
    subject: header(names.subject),
    truncated: header(names.truncated) !== ""
  }
}

const oneLine = (text: string, most: number) =>
  // A header is one line of printable text.
  text.replace(/[^\x20-\x7e\u00a0-\uffff]+/g, " ").slice(0, most)
