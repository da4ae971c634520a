/** The names of the backends, as settings know them. Each has a row in `backends.ts`. */
export const queueNames = ["nats", "postgres", "memory"] as const
export type QueueName = (typeof queueNames)[number]

export const controlPlaneNames = ["noetl", "memory"] as const
export type ControlPlaneName = (typeof controlPlaneNames)[number]
