/** What the worker and the lease keeper's thread say to each other. Plain data: it crosses a thread. */
import type { Beat } from "../../control-plane/ControlPlane.ts"
import type { NatsSettings } from "../../nats/connectionOptions.ts"

export interface KeeperData {
  readonly nats: NatsSettings
  readonly name: string
  /** A counter that the main thread turns while it lives: Int32 at 0. */
  readonly pulse: SharedArrayBuffer
  /** How long the pulse may stand still before the keeper lets go of everything. */
  readonly hungAfterMillis: number
  readonly beat: BeatRequest | undefined
}

export interface BeatRequest extends Omit<Beat, "every"> {
  readonly everyMillis: number
}

/** They come in lists, in order. */
export type ToKeeper =
  | { readonly say: "keep"; readonly id: string; readonly subject: string; readonly leaseMillis: number }
  | { readonly say: "release"; readonly id: string }
  | { readonly say: "stop" }

export type FromKeeper =
  | { readonly say: "ready" }
  /** A lease was not extended for longer than itself. */
  | { readonly say: "lapsed"; readonly id: string }
  | { readonly say: "beat"; readonly ok: boolean; readonly detail: string }
  | { readonly say: "warning"; readonly detail: string }
