/** Everything of NATS that a composition needs: the connection, the queue, its leases, results beside the queue. */
export { NatsConnection } from "../nats/NatsConnection.ts"
export type { NatsSettings } from "../nats/connectionOptions.ts"
export * as NatsQueue from "../queue/nats/NatsQueue.ts"
export * as NatsLeases from "../queue/nats/natsLeases.ts"
export * as NatsResultStore from "../results/NatsResultStore.ts"
export { Results } from "../results/Results.ts"
