import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

/** They start whole processes and wait for what the clock does to them: each has the machine to itself. */
const processes = [
  "test/process/**/*.test.ts",
  "test/jobs/chaos.test.ts",
  "test/queue/LeaseThread.test.ts",
  "test/tools/PythonTool.test.ts",
  "test/tools/python/**/*.test.ts",
  "test/tools/process/**/*.test.ts",
  "test/tools/duckdb/abandoned.test.ts",
  "test/rhai/work.test.ts"
]

export default defineConfig({
  // The package's own name means its sources here, and its build elsewhere.
  resolve: { conditions: ["noetl-worker-source"] },
  ssr: { resolve: { conditions: ["noetl-worker-source"], externalConditions: ["noetl-worker-source"] } },
  test: {
    globalSetup: ["test/support/bundleOnce.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    reporters: ["default"],
    silent: "passed-only",
    projects: [
      {
        extends: true,
        test: {
          name: "parallel",
          include: ["test/**/*.test.ts"],
          exclude: processes,
          maxWorkers: Math.max(2, availableParallelism()),
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: { name: "processes", include: processes, maxWorkers: 1, sequence: { groupOrder: 1 } }
      }
    ]
  }
})
