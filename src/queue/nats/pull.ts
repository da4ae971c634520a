/**
 * Pull requests of a durable consumer, answered to one inbox for as long as the connection lives.
 *
 * The client's own `fetch` subscribes, watches the connection and unsubscribes for every pull: three writes where one is
 * enough. The protocol is NATS's ADR-13: messages, a status 100 as heartbeat, 404 or 408 at the end, any other status
 * where the pull is over for another reason.
 */
import { createInbox, type Msg, nanos, type NatsConnection as Connection } from "@nats-io/transport-node"
import { Clock, Duration, Effect, type Scope } from "effect"
import type { QueueError } from "../MessageQueue.ts"
import { disconnected } from "./objects.ts"

export interface Puller {
  /** Asks for so many messages. Ends when they came or the wait was over. */
  readonly pull: (wanted: number, accept: (message: Msg) => void) => Effect.Effect<void, QueueError>
  /** Fails when the server stops answering while a pull waits, or forgot it with an earlier connection. */
  readonly broken: Effect.Effect<never, QueueError>
}

export interface Pulled {
  readonly stream: string
  readonly consumer: string
  /** How long one pull waits on the server. */
  readonly expires: Duration.Duration
}

interface Waiting {
  readonly inbox: string
  readonly since: number
  left: number
  readonly accept: (message: Msg) => void
  readonly end: (result: Effect.Effect<void, QueueError>) => void
}

/** One pull at a time. What arrives for none is handed back at once. */
export const open = Effect.fnUntraced(function* (
  nc: Connection,
  { consumer, expires, stream }: Pulled
): Effect.fn.Return<Puller, QueueError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const inbox = createInbox()
  const expiresMillis = Duration.toMillis(expires)
  const heartbeatMillis = Math.min(5000, expiresMillis / 2)
  const state: { waiting: Waiting | undefined; serial: number; heardAt: number } = {
    waiting: undefined,
    serial: 0,
    heardAt: clock.currentTimeMillisUnsafe()
  }
  const end = (result: Effect.Effect<void, QueueError>) => {
    const { waiting } = state
    state.waiting = undefined
    waiting?.end(result)
  }
  const hear = (error: Error | null, message: Msg) => {
    if (error !== null) return end(Effect.fail(disconnected(error)))
    state.heardAt = clock.currentTimeMillisUnsafe()
    if (message.subject.startsWith(inbox)) return hearStatus(message)
    const { reply } = message
    // Not from JetStream.
    if (reply === undefined || !reply.startsWith("$JS.ACK.")) return
    const { waiting } = state
    if (waiting === undefined) return nc.publish(reply, "-NAK")
    waiting.left -= 1
    waiting.accept(message)
    if (waiting.left === 0) end(Effect.void)
  }
  const hearStatus = ({ headers, subject }: Msg) => {
    // Not a status at all, or one of a pull that is over.
    if (headers === undefined || subject !== state.waiting?.inbox) return
    const { code, description } = headers
    if (code === 100) return
    const isOver = code === 404 || code === 408
    end(isOver ? Effect.void : Effect.fail(disconnected(`${code} ${description}`.trim())))
  }

  const subscription = yield* Effect.acquireRelease(
    Effect.try({ try: () => nc.subscribe(`${inbox}.*`, { callback: hear }), catch: disconnected }),
    (open) => {
      state.waiting = undefined
      // Draining receives what was on its way, so that it is handed back now and not when its lease is over.
      return Effect.promise(() => open.drain().catch(() => {})).pipe(Effect.timeoutOption("1 second"))
    }
  )
  const connectedTo = () => `${nc.info?.server_id}:${nc.info?.client_id}`
  const connection = connectedTo()
  const look = Effect.suspend(() => {
    if (connectedTo() !== connection || subscription.isClosed())
      return Effect.fail(disconnected("the connection was lost, and the pull with it"))
    if (state.waiting === undefined) return Effect.void
    const now = clock.currentTimeMillisUnsafe()
    if (now - state.heardAt > 2.5 * heartbeatMillis)
      return Effect.fail(disconnected(`heartbeats missed for ${now - state.heardAt} ms`))
    return now - state.waiting.since > expiresMillis + 10_000
      ? Effect.fail(disconnected("a pull did not end in time"))
      : Effect.void
  })

  return {
    pull: (wanted, accept) =>
      Effect.callback((resume) => {
        state.serial += 1
        const since = clock.currentTimeMillisUnsafe()
        state.heardAt = since
        const reply = `${inbox}.${state.serial}`
        state.waiting = { inbox: reply, since, left: wanted, accept, end: resume }
        const request = {
          batch: wanted,
          expires: nanos(expiresMillis),
          idle_heartbeat: nanos(heartbeatMillis)
        }
        try {
          nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), { reply })
        } catch (cause) {
          end(Effect.fail(disconnected(cause)))
        }
        return Effect.sync(() => void (state.waiting = undefined))
      }),
    broken: Effect.forever(Effect.andThen(Effect.sleep("500 millis"), look))
  }
})
