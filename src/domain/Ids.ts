/** Ids are decimal text inside the program: every NoETL id is above 2^53 and would be rounded as a number. */
import { Schema, SchemaGetter } from "effect"

const maxIdLength = 512

/** Text, or a number that still knows all its digits, as text. */
const textOfId = Schema.Union([Schema.String, Schema.BigInt, Schema.Int]).pipe(
  Schema.decodeTo(Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(maxIdLength)), {
    decode: SchemaGetter.transform((id) => String(id)),
    encode: SchemaGetter.transform((id: string) => id)
  })
)

const decimal = textOfId.check(Schema.isPattern(/^\d{1,20}$/))

/** One run of a playbook. */
export const ExecutionId = decimal.pipe(Schema.brand("ExecutionId"))
export type ExecutionId = typeof ExecutionId.Type

/** The `command.issued` event of a command: the key of the claim. */
export const EventId = decimal.pipe(Schema.brand("EventId"))
export type EventId = typeof EventId.Type

/** Opaque and echoed verbatim: text in python2 and rust3, an integer (or its digits) in python4. */
export const CommandId = textOfId.pipe(Schema.brand("CommandId"))
export type CommandId = typeof CommandId.Type

/** The name under which a worker claims, reports and sends heartbeats: the control plane looks the owner up by it. */
export const WorkerId = Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(200)).pipe(
  Schema.brand("WorkerId")
)
export type WorkerId = typeof WorkerId.Type
