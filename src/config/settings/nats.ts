/** NATS: the connection, the consumer and the dead letters. */
import { Duration } from "effect"
import { boolean, duration, integer, optional, setting, text, url } from "../Setting.ts"

export const nats = {
  natsUrl: setting(
    { key: "nats.url", env: ["NATS_URL"], doc: "One or more NATS servers, separated by commas." },
    url(["nats:", "tls:", "ws:", "wss:"]),
    "nats://localhost:4222"
  ),
  natsUser: optional({ key: "nats.user", env: ["NATS_USER"], doc: "User for NATS." }, text),
  natsPassword: optional(
    { key: "nats.password", env: ["NATS_PASSWORD"], doc: "Password for NATS.", secret: true },
    text
  ),
  natsToken: optional({ key: "nats.token", env: ["NATS_TOKEN"], doc: "Token for NATS.", secret: true }, text),
  natsNkey: optional(
    { key: "nats.nkey_file", env: ["NATS_NKEY_FILE"], doc: "File with the seed of our nkey for NATS." },
    text
  ),
  natsCreds: optional(
    {
      key: "nats.creds_file",
      env: ["NATS_CREDS_FILE"],
      doc: "File with our JWT for NATS and its seed, as nsc writes it."
    },
    text
  ),
  natsCa: optional(
    {
      key: "nats.ca_file",
      env: ["NATS_CA_FILE"],
      doc: "PEM file of the authority that signed NATS's certificate."
    },
    text
  ),
  natsCert: optional(
    { key: "nats.cert_file", env: ["NATS_CERT_FILE"], doc: "PEM file of our certificate for NATS." },
    text
  ),
  natsKey: optional(
    { key: "nats.key_file", env: ["NATS_KEY_FILE"], doc: "PEM file of our key for NATS." },
    text
  ),
  natsStream: setting(
    {
      key: "nats.stream",
      env: ["NATS_STREAM"],
      doc: "Stream to make when none has the subject; one that has it is used, whatever its name. A Python server accepts NOETL_COMMANDS only."
    },
    text,
    "NOETL_COMMANDS"
  ),
  natsConsumer: optional(
    {
      key: "nats.consumer",
      env: ["NATS_CONSUMER", "NOETL_WORKER_NATS_CONSUMER"],
      doc: "Durable consumer. One that exists is used as it is.",
      shownDefault: "noetl_worker_pool if it exists, else worker-pool"
    },
    text
  ),
  natsSubject: setting(
    { key: "nats.subject", env: ["NATS_SUBJECT"], doc: "Subject of the commands." },
    text,
    "noetl.commands"
  ),
  natsFilter: optional(
    {
      key: "nats.filter_subject",
      env: ["NATS_FILTER_SUBJECT", "NOETL_FEED_FILTER_SUBJECT"],
      doc: "What a consumer of ours takes of the stream: noetl.commands.shared.> for one pool.",
      shownDefault: "everything"
    },
    text
  ),
  deadLetterStream: setting(
    {
      key: "nats.dead_letter_stream",
      env: ["NATS_DEAD_LETTER_STREAM"],
      doc: "Stream of the messages that were given up; it is made with the first one."
    },
    text,
    "NOETL_DEAD_LETTERS"
  ),
  deadLetterSubject: setting(
    {
      key: "nats.dead_letter_subject",
      env: ["NATS_DEAD_LETTER_SUBJECT"],
      doc: "Subject of that stream."
    },
    text,
    "noetl.dead_letters"
  ),
  natsConsumerUpdate: setting(
    {
      key: "nats.consumer_update",
      env: ["NATS_CONSUMER_UPDATE"],
      doc: "Change an existing consumer to our settings. Other workers that share it see the change."
    },
    boolean,
    false
  ),
  natsAckWait: setting(
    {
      key: "nats.ack_wait_seconds",
      env: ["NATS_ACK_WAIT_SECONDS", "NOETL_WORKER_NATS_ACK_WAIT_SECONDS"],
      doc: "ack_wait of a consumer that we make."
    },
    duration("seconds"),
    Duration.seconds(30)
  ),
  natsPullExpires: setting(
    {
      key: "nats.fetch_timeout_seconds",
      env: ["NATS_FETCH_TIMEOUT_SECONDS", "NOETL_WORKER_NATS_FETCH_TIMEOUT_SECONDS"],
      doc: "How long one pull waits on the server for messages."
    },
    duration("seconds"),
    Duration.seconds(30)
  ),
  natsMaxAckPending: setting(
    {
      key: "nats.max_ack_pending",
      env: ["NATS_MAX_ACK_PENDING", "NOETL_WORKER_NATS_MAX_ACK_PENDING"],
      doc: "max_ack_pending of a consumer that the worker makes: messages that all workers together may hold, waiting ones included. Python workers recreate a consumer that has another number than theirs."
    },
    integer(1, 1_000_000),
    64
  ),
  natsMaxDeliver: setting(
    {
      key: "nats.max_deliver",
      env: ["NATS_MAX_DELIVER", "NOETL_WORKER_NATS_MAX_DELIVER"],
      doc: "max_deliver of a consumer that the worker makes; -1 is without end."
    },
    integer(-1, 1_000_000),
    1000
  )
} as const
