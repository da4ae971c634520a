/** What the log tells of a neighbour that leases and heartbeats need. The lease threads use it too: no Effect. */
import type { Outage } from "../async/awayLines.ts"

/** `neighbour` with its address, where the caller knows it. */
export const leaseOutage = (neighbour: string): Outage => ({
  neighbour,
  consequence: "leases are not extended: a command whose lease expires may be worked twice"
})

export const heartbeatOutage = (address: string): Outage => ({
  neighbour: `the control plane (${address})`,
  consequence: "heartbeats do not arrive, and the server may give this worker's commands to another one"
})
