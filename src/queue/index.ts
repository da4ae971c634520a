/** Every queue a worker can be told to use. */
export { MessageQueue, QueueError, Settlement } from "./MessageQueue.ts"
export type { Delivery, Lease, Capacity } from "./MessageQueue.ts"
export { MemoryQueue } from "./MemoryQueue.ts"
export * as NatsQueue from "./nats/NatsQueue.ts"
export { JobOutcomes } from "./JobOutcomes.ts"
export * as PostgresQueue from "./postgres/PostgresQueue.ts"
