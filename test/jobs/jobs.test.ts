import { Layer } from "effect"
import * as MemoryJobs from "../../src/jobs/memory/MemoryJobs.ts"
import * as PostgresJobs from "../../src/jobs/PostgresJobs.ts"
import * as PostgresQueue from "../../src/queue/postgres/PostgresQueue.ts"
import { suite } from "../../src/testing/suites/JobsSuite.ts"
import { jobsWorker } from "../support/jobsWorker.ts"
import { freshDatabase, queueOptions } from "../support/PostgresJobs.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

const server = serverOfFile()

suite("MemoryJobs", Layer.provideMerge(jobsWorker, MemoryJobs.layer()))

suite(
  "PostgresJobs",
  Layer.merge(jobsWorker, PostgresJobs.layer).pipe(
    Layer.provideMerge(PostgresQueue.layer(queueOptions)),
    Layer.provideMerge(freshDatabase(() => server.current))
  )
)
