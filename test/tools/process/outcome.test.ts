import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { exitCodeOf, failureOf } from "../../../src/tools/process/outcome.ts"
import type { Ended } from "../../../src/tools/process/ProcessRunner.ts"

const nothing = { text: "", bytes: 0, truncated: false }
const spec = { timeout: Duration.seconds(3), limits: { cpuSeconds: 7 } }

describe("how a program ended", () => {
  it.each<readonly [Ended, number | undefined, string | undefined, string | undefined, string | undefined]>([
    [{ _tag: "Exited", code: 0 }, 0, undefined, undefined, undefined],
    [{ _tag: "Exited", code: 3 }, 3, "tool_error", "EXIT_3", "It exited with code 3"],
    [{ _tag: "Exited", code: 137 }, 137, "tool_error", "EXIT_137", "It exited with code 137"],
    [
      { _tag: "Killed", signal: "SIGKILL", outOfMemory: true },
      137,
      "limit",
      "OUT_OF_MEMORY",
      "It was killed because memory ran out"
    ],
    [
      { _tag: "Killed", signal: "SIGKILL", outOfMemory: false },
      137,
      "tool_error",
      "SIGKILL",
      "It was killed by SIGKILL"
    ],
    [
      { _tag: "Killed", signal: "SIGXCPU", outOfMemory: false },
      152,
      "limit",
      "CPU_TIME",
      "It used up its CPU time of 7 seconds"
    ],
    [
      { _tag: "Killed", signal: "SIGXFSZ", outOfMemory: false },
      153,
      "limit",
      "FILE_SIZE",
      "It wrote a file larger than it may"
    ],
    [{ _tag: "TimedOut" }, undefined, "timeout", "TOOL_TIMEOUT", "Execution timed out after 3 seconds"],
    [{ _tag: "Lost" }, undefined, "unknown", undefined, "It ended, and its exit status is unknown"]
  ])("%o", (ended, exitCode, kind, code, message) => {
    const ran = { ended, stdout: nothing, stderr: nothing, result: undefined, durationMs: 1 }
    const failure = failureOf(ran, "It", "shell", spec)
    assert.strictEqual(exitCodeOf(ended), exitCode)
    assert.deepStrictEqual([failure?.kind, failure?.code, failure?.message], [kind, code, message])
  })
})
