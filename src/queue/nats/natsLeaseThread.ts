/** The entry of the lease thread for NATS: an extension is `+WPI`, sent as a request so that the server confirms it. */
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { connectionOptions, type NatsSettings } from "../../nats/connectionOptions.ts"
import { shownUrl } from "../../domain/shownUrl.ts"
import { runLeaseThread } from "../leaseLoop.ts"
import { messageOf } from "../../domain/messageOf.ts"

export interface NatsLeaseSettings {
  readonly nats: NatsSettings
  /** The connection's name at the server. */
  readonly name: string
}

runLeaseThread((backend) => {
  // The worker of this process wrote it: `natsLeases.ts` is the only place that starts this thread.
  const { name, nats } = backend as NatsLeaseSettings
  let connection: NatsConnection | undefined
  return {
    address: shownUrl(nats.url),
    open: async (warn) => {
      while (connection === undefined) {
        try {
          connection = await connect(connectionOptions(nats, name))
        } catch (cause) {
          warn(messageOf(cause))
          await new Promise((resume) => setTimeout(resume, 500))
        }
      }
    },
    extend: async (remote, timeout) => {
      await connection?.request(String(remote), "+WPI", { timeout })
    },
    close: async () => connection?.close()
  }
})
