/** This worker, from the sources or as built, until the comparison is over. */
import { spawn } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"

export const startWorker = async (program: string): Promise<{ readonly stop: () => boolean }> => {
  const worker = spawn(process.execPath, [program], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      HEALTH_PORT: "0",
      LOG_FORMAT: "logfmt",
      WORKER_ID: process.env["WORKER_ID"] ?? "compare"
    }
  })
  let log = ""
  let registered = false
  worker.stderr.on("data", (chunk: Buffer) => {
    if (!registered) log += chunk.toString()
    registered ||= log.includes("registered as")
  })
  for (let i = 0; !registered; i++) {
    if (i > 200 || worker.exitCode !== null) throw new Error(`the worker does not register:\n${log}`)
    await delay(100)
  }
  await delay(1000)
  return { stop: () => worker.kill("SIGTERM") }
}
