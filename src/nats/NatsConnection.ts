/**
 * One NATS connection for all parts of this process that need NATS.
 *
 * The first caller opens it, and it is kept for ever: an unreachable server is waited for, not an error, so that
 * a worker that starts before its broker lives.
 */
import { connect, type NatsConnection as Connection } from "@nats-io/transport-node"
import { Context, Effect, Layer } from "effect"
import { awayLines } from "../async/awayLines.ts"
import { backoff } from "../async/backoff.ts"
import { KnownSecrets } from "../domain/OutputMask.ts"
import { shownUrl } from "../domain/shownUrl.ts"
import { connectionOptions, type NatsSettings } from "./connectionOptions.ts"
import { messageOf } from "../domain/messageOf.ts"
import { warnAway } from "../async/warnAway.ts"

export class NatsConnection extends Context.Service<
  NatsConnection,
  {
    readonly settings: NatsSettings
    /** The servers, as logs show them: without credentials. */
    readonly address: string
    /** Waits until NATS was reached once. Afterwards the connection mends itself. */
    readonly connection: Effect.Effect<Connection>
    /** Whether the connection is up now. */
    readonly isUp: Effect.Effect<boolean>
  }
>()("noetl-worker/nats/NatsConnection") {
  static readonly layer = (settings: NatsSettings, name = "noetl-worker"): Layer.Layer<NatsConnection> =>
    Layer.effect(NatsConnection, make(settings, name))
}

const make = Effect.fnUntraced(function* (settings: NatsSettings, name: string) {
  const state: { open: Connection | undefined } = { open: undefined }
  yield* Effect.addFinalizer(() => close(state.open))
  const connection = yield* Effect.cached(
    open(settings, name).pipe(Effect.tap((nc) => Effect.sync(() => void (state.open = nc))))
  )
  return NatsConnection.of({
    settings,
    address: shownUrl(settings.url),
    connection,
    isUp: Effect.suspend(() => answers(state.open))
  })
})

// --- the driver's edge ---

const open = (settings: NatsSettings, name: string): Effect.Effect<Connection> => {
  const lines = awayLines({
    neighbour: `the NATS server at ${shownUrl(settings.url)}`,
    consequence: "trying again; `noetl-worker doctor` checks the address, the network and the login"
  })
  return Effect.flatMap(KnownSecrets, (remember) => dial(settings, name, remember)).pipe(
    Effect.tapError((error) => warnAway(lines, error)),
    Effect.retry(backoff("200 millis", "10 seconds")),
    Effect.orDie
  )
}

/** A connection that comes after the last caller stopped waiting is closed again. */
const dial = (settings: NatsSettings, name: string, remember: (name: string, secret: string) => void) =>
  Effect.callback<Connection, string>((resume) => {
    const waiting = { still: true }
    Promise.resolve()
      .then(() => connect(connectionOptions(settings, name, remember)))
      .then(
        (nc) => (waiting.still ? resume(Effect.succeed(nc)) : void nc.close()),
        (cause: unknown) => resume(Effect.fail(messageOf(cause)))
      )
    return Effect.sync(() => void (waiting.still = false))
  })

// Draining flushes acknowledgements that are still in the buffer; a server that is gone cannot take them.
const close = (nc: Connection | undefined) =>
  nc === undefined || nc.isClosed()
    ? Effect.void
    : Effect.promise(() => nc.drain().catch(() => nc.close())).pipe(
        Effect.timeoutOption("2 seconds"),
        Effect.andThen(Effect.promise(() => nc.close()).pipe(Effect.timeoutOption("1 second")))
      )

const answers = (nc: Connection | undefined): Effect.Effect<boolean> =>
  nc === undefined || nc.isClosed()
    ? Effect.succeed(false)
    : Effect.tryPromise(() => nc.rtt()).pipe(
        Effect.as(true),
        Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(false) }),
        Effect.catch(() => Effect.succeed(false))
      )
