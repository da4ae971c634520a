/** The log of a script: line by line while it runs, and what is kept of it when it has ended. */
import { Effect, Schedule, Stream } from "effect"
import { OutputMask } from "../../domain/OutputMask.ts"
import { type Captured, makeCapture, makeLines } from "../process/Output.ts"
import type { KubernetesApi, LogOf } from "../../kubernetes/KubernetesApi.ts"
import type { ScriptSettings } from "./ScriptOptions.ts"

/** Writes the lines of a running container to our log. It never fails: it is only for people. */
export const follow = (
  api: KubernetesApi["Service"],
  settings: ScriptSettings,
  of: LogOf
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const lines = makeLines(settings.maxLoggedBytes)
    const write = (complete: ReadonlyArray<string>) =>
      Effect.forEach(complete, (line) => Effect.logWithLevel(settings.logLevel)(line), { discard: true })
    return api.log(of, { follow: true }).pipe(
      Stream.runForEach((chunk) => Effect.suspend(() => write(lines.push(chunk)))),
      Effect.andThen(Effect.suspend(() => write(lines.end()))),
      Effect.annotateLogs({ pod: of.pod }),
      Effect.catch((error) => Effect.logDebug(`the log is not followed: ${error.message}`))
    )
  })

/** The log of an ended container. Undefined when it is lost: its node is gone, or its pod was deleted. */
export const logOf = (
  api: KubernetesApi["Service"],
  settings: ScriptSettings,
  of: LogOf
): Effect.Effect<Captured | undefined> =>
  Effect.flatMap(OutputMask, (maskOf) => {
    const capture = makeCapture(settings.maxLogBytes)
    const mask = maskOf()
    const decoder = new TextDecoder("utf-8")
    const push = (text: string) => Effect.sync(() => capture.push(Buffer.from(text)))
    return api.log(of, { follow: false, tailLines }).pipe(
      Stream.runForEach((chunk) => push(mask.push(decoder.decode(chunk, { stream: true })))),
      Effect.andThen(Effect.suspend(() => push(mask.push(decoder.decode()) + mask.end()))),
      Effect.map(() => capture.end())
    )
  }).pipe(
    // 400: the kubelet does not know yet that the container began.
    Effect.retry({
      schedule: Schedule.spaced("300 millis"),
      times: 5,
      while: (error) => error.isRetryable || error.status === 400
    }),
    Effect.timeoutOption("20 seconds"),
    Effect.map((found) => (found._tag === "Some" ? found.value : undefined)),
    Effect.catch((error) => Effect.as(Effect.logWarning(`no log: ${error.message}`), undefined))
  )

/** A log can be gigabytes; the API server sends the end of it when asked. */
const tailLines = 20_000
