import { defineConfig } from "vitest/config"

export default defineConfig({
  // The package's own name means its sources here, and its build elsewhere.
  resolve: { conditions: ["noetl-worker-source"] },
  ssr: { resolve: { conditions: ["noetl-worker-source"], externalConditions: ["noetl-worker-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/bundleOnce.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    reporters: ["default"],
    silent: "passed-only"
  }
})
