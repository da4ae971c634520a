/** `noetl-worker …` as a process: what it says and how it ends. */
import { Effect } from "effect"
import { execFile } from "node:child_process"

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
      ["src/main.ts", ...words],
      {
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: process.env["HOME"] ?? "",
          NO_COLOR: "1",
          LOG_FORMAT: "logfmt",
          ...env
        },
        timeout: 30_000
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
        resume(Effect.succeed({ code, stdout, stderr }))
      }
    )
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
