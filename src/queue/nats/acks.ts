/**
 * Acknowledgements on their way out: those of one turn of the event loop leave in one write, and those that matter are
 * confirmed by the server, all to one inbox. The client's `request` makes two errors with their stacks for each.
 */
import { createInbox, type Msg, type NatsConnection as Connection } from "@nats-io/transport-node"
import { Effect, Schedule } from "effect"
import { messageOf } from "../../domain/messageOf.ts"
import { retryLazily } from "../../async/retryLazily.ts"
import { microBatch } from "../../async/microBatch.ts"
import { QueueError, SettleFailed } from "../MessageQueue.ts"

export interface Acks {
  /** `confirmed` waits for the server's answer and sends again when it does not come. */
  readonly send: (subject: string, payload: string, confirmed: boolean) => Effect.Effect<void, QueueError>
}

/** For as long as the connection lives: a job may settle after the pulling has ended. */
export const make = (nc: Connection): Effect.Effect<Acks, QueueError> =>
  Effect.map(Effect.try({ try: () => confirmations(nc), catch: settleFailed }), (confirm): Acks => {
    const { enqueue } = microBatch<() => void>((sends) => sends.forEach((send) => send()))
    const once = (subject: string, payload: string, confirmed: boolean) =>
      Effect.callback<void, QueueError>((resume) => {
        enqueue(() => {
          try {
            if (confirmed) return confirm(subject, payload, resume)
            nc.publish(subject, payload)
            resume(Effect.void)
          } catch (cause) {
            resume(Effect.fail(settleFailed(cause)))
          }
        })
      })
    return {
      send: (subject, payload, confirmed) =>
        once(subject, payload, confirmed).pipe(
          retryLazily({ schedule: Schedule.spaced("500 millis").pipe(Schedule.upTo({ times: 4 })) })
        )
    }
  })

// --- the driver's edge ---

type Resume = (result: Effect.Effect<void, QueueError>) => void

const confirmWithinMillis = 5000

const confirmations = (nc: Connection) => {
  const inbox = createInbox()
  const waiting = new Map<string, Resume>()
  let serial = 0
  const end = (reply: string, result: Effect.Effect<void, QueueError>) => {
    const resume = waiting.get(reply)
    waiting.delete(reply)
    resume?.(result)
  }
  const onAnswer = (error: Error | null, { headers, subject }: Msg) => {
    if (error !== null) for (const reply of waiting.keys()) end(reply, Effect.fail(settleFailed(error)))
    // 503: nothing subscribes to that subject, so JetStream is not there.
    else end(subject, headers?.code === 503 ? Effect.fail(settleFailed("no responders")) : Effect.void)
  }
  nc.subscribe(`${inbox}.*`, { callback: onAnswer })
  return (subject: string, payload: string, resume: Resume) => {
    serial += 1
    const reply = `${inbox}.${serial}`
    nc.publish(subject, payload, { reply })
    const timer = setTimeout(
      () => end(reply, Effect.fail(settleFailed("the server did not confirm in time"))),
      confirmWithinMillis
    )
    waiting.set(reply, (result) => {
      clearTimeout(timer)
      resume(result)
    })
  }
}

const settleFailed = (cause: unknown) =>
  new QueueError({ reason: new SettleFailed({ detail: messageOf(cause) }) })
