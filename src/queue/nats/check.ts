/** NATS: reached, allowed in, with a stream and a consumer that fit. It changes nothing. */
import {
  AckPolicy,
  type ConsumerInfo,
  type JetStreamManager,
  jetstreamManager,
  type StreamInfo
} from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"
import { type Check, type Finding, fullMessageOf, ok, problem, warning } from "../../domain/Finding.ts"
import { shownUrl } from "../../domain/shownUrl.ts"
import { connectionOptions, type NatsSettings } from "../../nats/connectionOptions.ts"
import type { DeadLetterStream } from "./deadLetters.ts"
import { type ConsumerSettings, differencesOf } from "./objects.ts"

export interface Checked {
  readonly nats: NatsSettings
  readonly consumer: ConsumerSettings
  readonly deadLetters: DeadLetterStream
}

export const check =
  (checked: Checked): Check =>
  () =>
    Effect.promise(() => examine(checked))

const examine = async (checked: Checked): Promise<ReadonlyArray<Finding>> => {
  let nc: NatsConnection
  try {
    const options = connectionOptions(checked.nats, "noetl-worker-doctor")
    nc = await connect({
      ...options,
      reconnect: false,
      maxReconnectAttempts: 0,
      timeout: 5000,
      ignoreAuthErrorAbort: false
    })
  } catch (cause) {
    return [unreached(checked, fullMessageOf(cause))]
  }
  try {
    return [
      ok("nats", `${shownUrl(checked.nats.url)} answers`),
      ...(await streams(await jetstreamManager(nc), checked))
    ]
  } catch (cause) {
    return [refused(fullMessageOf(cause))]
  } finally {
    await nc.close()
  }
}

const unreached = (checked: Checked, cause: string): Finding => {
  const where = shownUrl(checked.nats.url)
  const about = "nats"
  if (/ENOTFOUND|EAI_AGAIN/i.test(cause))
    return problem(
      about,
      `the host of ${where} is not known (${cause})`,
      "correct NATS_URL, or the cluster's DNS"
    )
  if (/authorization|authentication|user|jwt/i.test(cause))
    return problem(
      about,
      `${where} refuses these credentials (${cause})`,
      "correct NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_NKEY_FILE or NATS_CREDS_FILE"
    )
  if (/certificate|tls|ssl|self.signed|issuer|secure/i.test(cause))
    return problem(
      about,
      `no TLS with ${where} (${cause})`,
      "set NATS_CA_FILE to the server's authority, and NATS_CERT_FILE and NATS_KEY_FILE where it asks for a client certificate"
    )
  if (/ENOENT|seed|credentials/i.test(cause))
    return problem(about, `our key cannot be used (${cause})`, "correct NATS_NKEY_FILE or NATS_CREDS_FILE")
  return problem(
    about,
    `${where} cannot be reached (${cause})`,
    "start NATS, correct NATS_URL, or open the network between"
  )
}

const refused = (cause: string): Finding =>
  /permission/i.test(cause)
    ? problem("nats permissions", cause, "give the user what docs/nats-permissions.md lists")
    : /jetstream.*(not enabled|disabled)|no responders|503/i.test(cause)
      ? problem(
          "jetstream",
          `the server has no JetStream for us (${cause})`,
          "start it with -js, or enable JetStream for the account"
        )
      : problem("jetstream", cause, "see the server's log")

const streams = async (jsm: JetStreamManager, checked: Checked): Promise<ReadonlyArray<Finding>> => {
  const subject = checked.consumer.filter ?? checked.consumer.subject
  const name = await jsm.streams.find(subject).catch(nothingThere)
  if (name === undefined) return [await withoutStream(jsm, checked, subject)]
  const about = "stream"
  const found = [
    name === checked.consumer.stream
      ? ok(about, `${name} has ${subject}`)
      : warning(
          about,
          `${subject} belongs to the stream ${name}, not to ${checked.consumer.stream}`,
          `set NATS_STREAM=${name}; a Python server publishes to NOETL_COMMANDS only`
        )
  ]
  const info = await jsm.streams.info(name).catch(notAllowed)
  if (info !== undefined) found.push(...streamFindings(info, checked))
  return [...found, ...(await consumers(jsm, name, checked))]
}

const withoutStream = async (jsm: JetStreamManager, checked: Checked, subject: string): Promise<Finding> => {
  const named = await jsm.streams.info(checked.consumer.stream).catch(nothingThere)
  return named === undefined
    ? warning(
        "stream",
        `no stream has the subject ${subject} yet`,
        "the worker makes one when it may; otherwise start the NoETL server first, or correct NATS_SUBJECT"
      )
    : problem(
        "stream",
        `the stream ${checked.consumer.stream} has ${named.config.subjects.join(", ")}, not ${subject}`,
        "set NATS_SUBJECT to one of its subjects or NATS_STREAM to another stream"
      )
}

const streamFindings = ({ config }: StreamInfo, checked: Checked): ReadonlyArray<Finding> => {
  const overlaps = config.subjects.some((pattern) => matches(pattern, checked.deadLetters.subject))
  return overlaps
    ? [
        problem(
          "NATS_DEAD_LETTER_SUBJECT",
          `the stream ${config.name} takes ${checked.deadLetters.subject}: dead letters would come back as commands`,
          "choose a subject outside of it"
        )
      ]
    : []
}

const consumers = async (
  jsm: JetStreamManager,
  stream: string,
  checked: Checked
): Promise<ReadonlyArray<Finding>> => {
  const names =
    checked.consumer.consumer === undefined
      ? ["noetl_worker_pool", "worker-pool"]
      : [checked.consumer.consumer]
  for (const name of names) {
    const info = await jsm.consumers.info(stream, name).catch(nothingThere)
    if (info !== undefined) return [consumer(info, checked)]
  }
  return [warning("consumer", `${names.at(-1)} is not there yet`, "the worker makes it when it may")]
}

const consumer = (info: ConsumerInfo, checked: Checked): Finding => {
  const about = `consumer ${info.name}`
  if (info.config.deliver_subject !== undefined)
    return problem(about, "it is a push consumer", "set NATS_CONSUMER to a pull consumer, or to a new name")
  if (info.config.ack_policy !== AckPolicy.Explicit)
    return problem(
      about,
      `its ack policy is ${info.config.ack_policy}: messages would be lost`,
      "set NATS_CONSUMER to one with explicit acknowledgements, or to a new name"
    )
  const limit = info.config.max_ack_pending ?? -1
  if (limit > 0 && info.num_ack_pending >= limit && info.num_pending > 0)
    return warning(
      about,
      `workers hold all ${limit} messages that they may, and ${info.num_pending} wait: commands that only wait hold theirs`,
      "raise NATS_MAX_ACK_PENDING with NATS_CONSUMER_UPDATE=true, or set WORKER_STATE_DIR (docs/operations.md)"
    )
  const differences = differencesOf(info.config, checked.consumer)
  return differences.length === 0
    ? ok(about, "fits")
    : warning(about, differences.join("; "), "use it as it is, or set NATS_CONSUMER_UPDATE=true")
}

/** Whether a subject falls under a stream's pattern. */
export const matches = (pattern: string, subject: string): boolean => {
  const [wanted, given] = [pattern.split("."), subject.split(".")]
  const open = wanted.at(-1) === ">"
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false
  return wanted.every((part, i) => part === ">" || part === "*" || part === given[i])
}

const nothingThere = (cause: unknown): undefined => {
  if (/not found|no stream matches/i.test(fullMessageOf(cause))) return undefined
  throw cause
}

/** What the worker itself does without. */
const notAllowed = (cause: unknown): undefined => {
  if (/permission/i.test(fullMessageOf(cause))) return undefined
  throw cause
}
