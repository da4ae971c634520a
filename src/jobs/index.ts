/** For programs that have work done: the API of jobs, typed jobs, and where jobs are kept. */
export { Database } from "../postgres/Database.ts"
export type { DatabaseSettings } from "../postgres/clientOptions.ts"
export {
  type JobEvent,
  type JobOptions,
  type JobRecord,
  Jobs,
  JobsError,
  type JobStatus,
  type QueueStats,
  type Selection,
  type Submission,
  type Submitted
} from "./Jobs.ts"
export * as JobType from "./JobType.ts"
export * as MemoryJobs from "./memory/MemoryJobs.ts"
export * as PostgresJobs from "./PostgresJobs.ts"
