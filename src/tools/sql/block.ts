/** What the SQL tools have in common around a block of statements: its settings, its limits, how it ended. */
import { Effect, Schema } from "effect"
import type * as Failure from "../../domain/Failure.ts"
import * as Coerced from "../Coerced.ts"
import type { Limits, StatementResult } from "../Rows.ts"

export const modes = ["auto", "single", "per_statement", "none"] as const
/** Whether the block gets a transaction around it. */
export type Mode = (typeof modes)[number]

/** Zero rows means all of them, zero seconds no deadline. */
export const fields = {
  as_objects: Coerced.optional(Coerced.Boolean),
  timeout: Coerced.optional(Coerced.Seconds),
  timeout_seconds: Coerced.optional(Coerced.Seconds),
  max_rows: Coerced.optional(Coerced.Integer.check(Schema.isGreaterThanOrEqualTo(0))),
  max_bytes: Coerced.optional(Coerced.Bytes),
  numeric_as: Coerced.optional(Schema.Literals(["string", "number"]))
}

export interface Settings extends Schema.Struct.Type<typeof fields> {}

export interface Ended {
  readonly results: ReadonlyArray<StatementResult>
  /** Columns with numbers that JSON has no word for. */
  readonly unsayable: ReadonlySet<string>
  readonly error: Failure.Failure | undefined
  /** What became of the statements that ran, where that is not plain. */
  readonly transaction: "committed" | "rolled_back" | undefined
}

export const limitsOf = (settings: Settings, defaults: Limits): Limits => ({
  maxRows: settings.max_rows ?? defaults.maxRows,
  maxBytes: settings.max_bytes ?? defaults.maxBytes
})

export const warnOfUnsayable = ({ unsayable }: Ended): Effect.Effect<void> =>
  Effect.forEach(
    unsayable,
    (name) => Effect.logWarning(`column ${name}: NaN and infinity are null in JSON`),
    { discard: true }
  )
