/** `noetl-worker …` as a process: what it says and how it ends. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { patienceMillis, program } from "./program.ts"

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const noetlWorker = (
  words: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Said> =>
  Effect.callback((resume) => {
    const child = execFile(
      process.execPath,
      ["--", program, ...words],
      {
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: process.env["HOME"] ?? "",
          NO_COLOR: "1",
          LOG_FORMAT: "logfmt",
          ...env
        },
        timeout: patienceMillis
      },
      (error, stdout, stderr) => {
        if (error?.killed === true)
          return resume(
            Effect.die(new Error(`${words.join(" ")} did not end in time; it wrote:\n${stdout}${stderr}`))
          )
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
        resume(Effect.succeed({ code, stdout, stderr }))
      }
    )
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
