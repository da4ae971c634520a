/** The messages between the worker and a lease thread. Plain data: it crosses a thread. */
import type { HeartbeatRequest } from "../control-plane/ControlPlane.ts"

/** The part of a lease after which it is extended. */
export const extendAfter = 0.4

export interface LeaseThreadData {
  /** What the backend's half of the thread needs to connect. */
  readonly backend: unknown
  /** A counter that the main thread increments while it runs: Int32 at 0. */
  readonly livenessCounter: SharedArrayBuffer
  /** How long the counter may stand still before the thread lets go of everything. */
  readonly hungAfterMillis: number
  /** Undefined where the main thread sends the heartbeat. */
  readonly heartbeat: TimedHeartbeat | undefined
}

export interface TimedHeartbeat extends HeartbeatRequest {
  readonly everyMillis: number
}

/** They come in lists, in order. */
export type ToLeaseThread =
  | { readonly type: "hold"; readonly id: string; readonly remote: unknown; readonly leaseMillis: number }
  | { readonly type: "release"; readonly id: string }
  | { readonly type: "stop" }

export type FromLeaseThread =
  | { readonly type: "ready" }
  /** No extension of a lease arrived for longer than the lease. */
  | { readonly type: "expired"; readonly id: string }
  | { readonly type: "warning"; readonly detail: string }
