/**
 * Sets up what the tests need, runs them all, and ends with one plain line for programs: `N passed, N failed`, and
 * `, N skipped` where there are any, from the runner's own report.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import "./setup.ts"
import "./peers.ts"

const folder = mkdtempSync(join(tmpdir(), "noetl-worker-tests-"))
const report = join(folder, "report.json")
const run = spawnSync(
  "vitest",
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...process.argv.slice(2)],
  {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin` }
  }
)

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numFailedTestSuites: number
  readonly success: boolean
}

const counted = (): { readonly line: string; readonly failed: boolean } => {
  try {
    const { numFailedTests, numPassedTests, numPendingTests, success } = JSON.parse(
      readFileSync(report, "utf8")
    ) as Report
    // A file that does not load fails without a failed test: it counts as one.
    const failed = numFailedTests === 0 && (!success || run.status !== 0) ? 1 : numFailedTests
    const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ""
    return { line: `${numPassedTests} passed, ${failed} failed${skipped}`, failed: failed > 0 }
  } catch (cause) {
    console.error(`the runner left no report: ${cause instanceof Error ? cause.message : String(cause)}`)
    return { line: "0 passed, 1 failed", failed: true }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const { failed, line } = counted()
console.log(line)
process.exit(failed ? 1 : 0)
