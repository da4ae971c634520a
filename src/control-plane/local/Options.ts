/** What the local control plane is given: the queue, the catalog, the secrets, and who is told what happens. */
import type { Effect } from "effect"
import type { Command } from "../../domain/Command.ts"
import type { Credential } from "../../domain/Credential.ts"
import type { Json, JsonObject } from "../../domain/Json.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { Options as PlanOptions } from "../../playbook/engine/Plan.ts"
import type { Playbook } from "../../playbook/Playbook.ts"
import { ControlPlaneError, Refused } from "../ControlPlane.ts"
import type { RunEvent } from "./Run.ts"
import type { Journals } from "./RunJournal.ts"

/** A playbook and what its text was, to see later whether it is the same. */
export interface Source {
  readonly playbook: Playbook
  readonly fingerprint: string
}

export interface Options {
  /** Gives the message of a command to the queue. */
  readonly publish: (body: string) => Effect.Effect<void>
  /** The playbook that a step of another one names. Fails with a sentence. */
  readonly find: (path: string, from: Playbook) => Effect.Effect<Source, string>
  readonly credential: (name: string) => Effect.Effect<Credential | undefined>
  /** The value of a keychain's entry; `render` works out its templates. Fails with a sentence. */
  readonly secret: (entry: JsonObject, render: (value: Json) => Json) => Effect.Effect<JsonObject, string>
  readonly journals: Journals
  readonly plan: Partial<PlanOptions>
  /** What templates read as `env`. */
  readonly env: JsonObject
  readonly onEvent: (event: RunEvent) => void
  /** Called with what a command's tool printed, and how it ended. */
  readonly onReport: (command: Command, event: WorkerEvent) => void
}

export interface StartOptions {
  readonly payload: JsonObject
  /** Whether mappings of the payload are merged into those of the workload. */
  readonly merge: boolean
  /** The step to start at; undefined for the playbook's own. */
  readonly target: string | undefined
  /** Seconds for the whole run. */
  readonly timeout: number | undefined
}

export const refused = (operation: string, status: number, body: string): ControlPlaneError =>
  new ControlPlaneError({ operation, reason: new Refused({ status, body }) })
