/** `noetl-worker dead-letters`: what was given up, why, and the way back. */
import type { NatsConnection as Connection } from "@nats-io/transport-node"
import { Effect, Layer } from "effect"
import { deadLetterStream, natsSettings } from "../config/natsOptions.ts"
import * as Json from "../domain/Json.ts"
import { NatsConnection } from "../nats/NatsConnection.ts"
import * as DeadLetters from "../queue/nats/deadLetters.ts"
import { type Arguments, UsageError } from "./options.ts"
import { loadConfig } from "./sources.ts"
import { telemetry } from "./worker.ts"

export const usage = "dead-letters list | show NUMBER | retry NUMBER|all | purge [NUMBER]"

/** Texts for people go to stderr; what was asked for goes to stdout, one JSON document a line. */
export const deadLetters = Effect.fnUntraced(function* (args: Arguments, words: ReadonlyArray<string>) {
  const loaded = yield* loadConfig(args)
  const stream = deadLetterStream(loaded.values)
  const [what = "list", which, ...rest] = words
  if (rest.length > 0) return yield* new UsageError({ message: `expected ${usage}` })
  return yield* Effect.gen(function* () {
    const nc = yield* (yield* NatsConnection).connection
    switch (what) {
      case "list":
        for (const letter of yield* DeadLetters.list(nc, stream, 10_000)) yield* print(lineOf(letter))
        return
      case "show":
        return yield* print(documentOf(yield* letterOf(nc, stream, which)))
      case "retry":
        return yield* retry(nc, stream, which, loaded.values.natsSubject)
      case "purge": {
        if (which === undefined) return yield* print({ purged: yield* DeadLetters.purge(nc, stream) })
        const letter = yield* letterOf(nc, stream, which)
        yield* DeadLetters.remove(nc, stream, letter.seq)
        return yield* print({ purged: 1 })
      }
      default:
        return yield* new UsageError({ message: `expected ${usage}` })
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () => new UsageError({ message: "NATS did not answer within 60 s" })
    }),
    Effect.catchTag("QueueError", (error) => new UsageError({ message: error.message })),
    Effect.provide(
      Layer.provideMerge(
        NatsConnection.layer(natsSettings(loaded.values), "noetl-worker-dead-letters"),
        telemetry(loaded)
      )
    )
  )
})

const retry = Effect.fnUntraced(function* (
  nc: Connection,
  stream: DeadLetters.DeadLetterStream,
  which: string | undefined,
  commands: string
) {
  const chosen =
    which === "all" ? yield* DeadLetters.list(nc, stream, 10_000) : [yield* letterOf(nc, stream, which)]
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
    yield* print({ retried: letter.seq, subject: letter.subject })
  }
})

/** Whether a subject is that of the commands or one below it, without a wildcard. */
const isUnder = (commands: string, subject: string): boolean =>
  (subject === commands || subject.startsWith(`${commands}.`)) && !/[*>\s]/.test(subject)

const letterOf = Effect.fnUntraced(function* (
  nc: Connection,
  stream: DeadLetters.DeadLetterStream,
  which: string | undefined
) {
  if (which === undefined || !/^[1-9]\d{0,14}$/.test(which)) {
    return yield* new UsageError({ message: `expected ${usage}` })
  }
  const letter = yield* DeadLetters.get(nc, stream, Number(which))
  if (letter === undefined) return yield* new UsageError({ message: `there is no dead letter ${which}` })
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

const print = (document: Json.JsonObject) =>
  Effect.sync(() => void process.stdout.write(`${Json.stringify(document)}\n`))
