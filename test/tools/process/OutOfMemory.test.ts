import { assert, describe, it } from "@effect/vitest"
import * as OutOfMemory from "../../../src/tools/process/OutOfMemory.ts"

const files = (contents: Record<string, string>) => (path: string) => contents[path]

describe("OutOfMemory", () => {
  it.each<readonly [string, Record<string, string>]>([
    [
      "the second generation of cgroups",
      {
        "/proc/self/cgroup": "0::/pod/c1\n",
        "/sys/fs/cgroup/pod/c1/memory.events": "low 0\noom 2\noom_kill 1\n"
      }
    ],
    [
      "a group that is the container's root",
      { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.events": "oom 2\noom_kill 1\n" }
    ],
    [
      "the first generation of cgroups",
      {
        "/proc/self/cgroup": "4:memory:/pod/c1\n0::/\n",
        "/sys/fs/cgroup/memory/pod/c1/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"
      }
    ],
    ["the machine", { "/proc/vmstat": "pgfault 9\noom_kill 1\nx 3\n" }]
  ])("counts what the kernel killed in %s", (_, contents) => {
    assert.strictEqual(OutOfMemory.make(files(contents)).kills(), 1)
  })
  it("counts nothing where nothing can be read", () => {
    assert.strictEqual(OutOfMemory.make(files({})).kills(), 0)
  })
})
