/** Values of the configuration → how the worker uses NATS. */
import type { NatsSettings } from "../nats/connectionOptions.ts"
import type { DeadLetterStream } from "../queue/nats/deadLetters.ts"
import type { ConsumerSettings } from "../queue/nats/objects.ts"
import type { Values } from "./settings.ts"

export const natsSettings = (values: Values): NatsSettings => ({
  url: values.natsUrl,
  user: values.natsUser,
  password: values.natsPassword,
  token: values.natsToken,
  nkeyFile: values.natsNkey,
  credsFile: values.natsCreds,
  caFile: values.natsCa,
  certFile: values.natsCert,
  keyFile: values.natsKey
})

export const consumerSettings = (values: Values): ConsumerSettings => ({
  stream: values.natsStream,
  consumer: values.natsConsumer,
  subject: values.natsSubject,
  filter: values.natsFilter,
  ackWait: values.natsAckWait,
  // The defaults are the Python workers' own: one of them with another max_ack_pending recreates the durable.
  maxDeliver: values.natsMaxDeliver,
  maxAckPending: values.natsMaxAckPending,
  update: values.natsConsumerUpdate
})

export const deadLetterStream = (values: Values): DeadLetterStream => ({
  stream: values.deadLetterStream,
  subject: values.deadLetterSubject
})
