/** `noetl-worker dead-letters`: what was given up, why, and the way back. */
import type { NatsConnection as Connection } from "@nats-io/transport-node"
import { Effect, Layer } from "effect"
import { deadLetterStream, natsSettings } from "../config/natsOptions.ts"
import * as Json from "../domain/Json.ts"
import { NatsConnection } from "../nats/NatsConnection.ts"
import * as DeadLetters from "../queue/nats/deadLetters.ts"
import type { QueueError } from "../queue/MessageQueue.ts"
import { CommandError, UsageError } from "./errors.ts"
import { loadConfig } from "./sources.ts"
import { telemetry } from "./worker.ts"
import { print } from "./print.ts"

interface Place {
  readonly nc: Connection
  readonly stream: DeadLetters.DeadLetterStream
  /** The subject of commands. */
  readonly commands: string
}

/** Texts for people go to stderr; what was asked for goes to stdout, one JSON document a line. */
const atBroker = Effect.fnUntraced(function* (
  work: (place: Place) => Effect.Effect<void, QueueError | CommandError>
) {
  const loaded = yield* loadConfig
  const { values } = loaded
  return yield* Effect.gen(function* () {
    const nc = yield* (yield* NatsConnection).connection
    return yield* work({ nc, stream: deadLetterStream(values), commands: values.natsSubject })
  }).pipe(
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () => new CommandError({ message: "NATS did not answer within 60 s" })
    }),
    Effect.catchTag("QueueError", (error) => new CommandError({ message: error.message })),
    Effect.provide(
      Layer.provideMerge(
        NatsConnection.layer(natsSettings(values), "noetl-worker-dead-letters"),
        telemetry(loaded)
      )
    )
  )
})

export const list = atBroker(
  Effect.fnUntraced(function* ({ nc, stream }) {
    for (const letter of yield* DeadLetters.list(nc, stream, 10_000)) yield* printLine(lineOf(letter))
  })
)

export const show = (number: number) =>
  atBroker((place) => Effect.flatMap(letterOf(place, number), (letter) => printLine(documentOf(letter))))

/** `which` is a number or `all`. */
export const retry = Effect.fnUntraced(function* (which: string) {
  if (which !== "all" && !/^[1-9]\d{0,14}$/.test(which))
    return yield* new UsageError({ message: `dead-letters retry: "${which}" is neither a number nor "all"` })
  return yield* atBroker((place) => retryAt(place, which))
})

export const purge = (number: number | undefined) =>
  atBroker(
    Effect.fnUntraced(function* (place) {
      const { nc, stream } = place
      if (number === undefined) return yield* printLine({ purged: yield* DeadLetters.purge(nc, stream) })
      const letter = yield* letterOf(place, number)
      yield* DeadLetters.remove(nc, stream, letter.seq)
      return yield* printLine({ purged: 1 })
    })
  )

const retryAt = Effect.fnUntraced(function* (place: Place, which: string) {
  const { commands, nc, stream } = place
  const chosen =
    which === "all" ? yield* DeadLetters.list(nc, stream, 10_000) : [yield* letterOf(place, Number(which))]
  for (const letter of chosen) {
    if (letter.truncated || letter.subject === "") {
      yield* Effect.logWarning(`${letter.seq} cannot be tried again: it is not whole`)
      continue
    }
    // The header is the word of whichever client published the letter: it must not choose where the operator publishes.
    if (!isUnder(commands, letter.subject)) {
      yield* Effect.logWarning(
        `${letter.seq} is not tried again and stays: its subject ${letter.subject} is not one of the commands' own (${commands}, ${commands}.>)`
      )
      continue
    }
    yield* DeadLetters.retry(nc, stream, letter)
    yield* printLine({ retried: letter.seq, subject: letter.subject })
  }
})

/** Whether a subject is that of the commands or one below it, without a wildcard. */
const isUnder = (commands: string, subject: string): boolean =>
  (subject === commands || subject.startsWith(`${commands}.`)) && !/[*>\s]/.test(subject)

const letterOf = Effect.fnUntraced(function* ({ nc, stream }: Place, number: number) {
  const letter = yield* DeadLetters.get(nc, stream, number)
  if (letter === undefined) return yield* new CommandError({ message: `there is no dead letter ${number}` })
  return letter
})

const lineOf = ({ at, attempts, reason, seq, subject, worker }: DeadLetters.DeadLetter) => ({
  number: seq,
  at,
  attempts,
  worker,
  subject,
  reason
})

const documentOf = (letter: DeadLetters.DeadLetter) => ({ ...lineOf(letter), body: letter.body })

const printLine = (document: Json.JsonObject) => print(`${Json.stringify(document)}\n`)
