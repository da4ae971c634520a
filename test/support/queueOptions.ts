/** A NATS queue whose deliveries come again after a second, so that tests need not wait for long. */
import { Duration } from "effect"
import type * as NatsQueue from "../../src/queue/nats/NatsQueue.ts"

export const queueOptions: NatsQueue.Options = {
  stream: "noetl_commands",
  consumer: undefined,
  subject: "noetl.commands",
  filter: undefined,
  ackWait: Duration.seconds(1),
  maxDeliver: -1,
  maxAckPending: 64,
  update: false,
  pullExpires: Duration.seconds(5)
}
