/** The web server that the playbooks ask, of this run alone. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import type { Run } from "./expected.ts"

export const startStub = async () => {
  const child = spawn(process.execPath, ["test/fixtures/http-stub.mjs", "0"], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const [hello] = (await once(child.stdout, "data")) as [Buffer]
  const { url } = JSON.parse(hello.toString()) as { readonly url: string }
  return {
    url,
    forget: async (): Promise<void> => {
      await fetch(`${url}/api/v1/flaky/reset`, { method: "POST" })
      await fetch(`${url}/api/v1/concurrency/reset`, { method: "POST" })
      await fetch(`${url}/__requests`, { method: "DELETE" })
    },
    requests: async (): Promise<Run["requests"]> => {
      const { requests } = (await (await fetch(`${url}/__requests`)).json()) as Pick<Run, "requests">
      return requests
    },
    counters: async (path: string): Promise<unknown> => (await fetch(`${url}${path}`)).json(),
    stop: (): boolean => child.kill()
  }
}
