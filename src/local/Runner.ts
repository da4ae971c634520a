/** Runs one playbook to its end and says how it ended. */
import { Clock, Effect, Result } from "effect"
import { LocalRuns, type Started } from "../control-plane/local/LocalControlPlane.ts"
import type { Source } from "../control-plane/local/Options.ts"
import {
  hasRuns,
  inFolder,
  type Journals,
  JournalUnreadable,
  none
} from "../control-plane/local/RunJournal.ts"
import type { Command } from "../domain/Command.ts"
import type { JsonObject } from "../domain/Json.ts"
import type { WorkerEvent } from "../domain/WorkerEvent.ts"
import type { Ending } from "../playbook/engine/Event.ts"
import type { Problem } from "../playbook/Problem.ts"
import { Worker } from "../worker/Worker.ts"
import { PlaybookError } from "./catalog.ts"
import { type Report, warningsOf } from "./Report.ts"
import * as World from "./world.ts"

export interface Request extends Omit<World.WorldOptions, "journals" | "onReport"> {
  readonly source: Source
  readonly problems: ReadonlyArray<Problem>
  readonly payload: JsonObject
  readonly merge: boolean
  readonly target: string | undefined
  /** Seconds for the whole run. */
  readonly timeout: number | undefined
  /** Whether the run in `stateFolder` goes on. */
  readonly resume: boolean
  /** Called with what a tool printed when its command has ended. */
  readonly onOutput: (step: string, text: string) => void
}

export const run = Effect.fnUntraced(function* (request: Request) {
  const journals = yield* journalsOf(request)
  const outputs = new Outputs(request.onOutput)
  const world = World.layer({ ...request, journals, onReport: outputs.take })
  return yield* Effect.scoped(Effect.provide(follow(request, journals, outputs), world))
})

const follow = Effect.fnUntraced(function* (request: Request, journals: Journals, outputs: Outputs) {
  const runs = yield* LocalRuns
  const worker = yield* Worker
  const started = yield* startOrResume(runs, request, journals)
  const startedAt = yield* Clock.currentTimeMillis
  const ending: Ending = yield* Effect.raceFirst(
    Effect.tap(started.ended, () => runs.awaitAll),
    worker.join
  ).pipe(Effect.onInterrupt(() => runs.cancel(started.executionId, "it was interrupted")))
  const state = started.state()
  const report: Report = {
    executionId: started.executionId,
    ending,
    playbook: request.source.playbook,
    startedAt,
    endedAt: yield* Clock.currentTimeMillis,
    state,
    failures: state.failures.map(({ command, error, step }) => ({
      step,
      error,
      command: command === undefined ? undefined : runs.commandOf(started.executionId, command),
      output: command === undefined ? undefined : outputs.of(`${started.executionId}:${command}`)
    })),
    warnings: warningsOf(request.problems)
  }
  return report
})

const startOrResume = Effect.fnUntraced(function* (
  runs: LocalRuns["Service"],
  { merge, payload, resume, source, stateFolder, target, timeout }: Request,
  { kept }: Journals
): Effect.fn.Return<Started, PlaybookError> {
  if (!resume) return yield* runs.start(source, { payload, merge, target, timeout })
  const before = kept.findLast(({ head }) => head.parent === undefined)
  if (before !== undefined && before.head.fingerprint !== source.fingerprint)
    return yield* new PlaybookError({
      message: `the playbook has changed since the run in ${stateFolder} began: put it back as it was, or start anew with another --state`
    })
  const found = yield* runs.resume(source)
  return found ?? (yield* runs.start(source, { payload, merge, target, timeout }))
})

const journalsOf = ({ resume, stateFolder }: Request): Effect.Effect<Journals, PlaybookError> => {
  if (stateFolder === undefined)
    return resume
      ? Effect.fail(
          new PlaybookError({
            message: "--resume goes on with a run that a folder keeps: name it with --state DIR"
          })
        )
      : Effect.succeed(none)
  return Effect.fromResult(
    Result.try({
      try: () => {
        if (!resume && hasRuns(stateFolder))
          throw new PlaybookError({
            message: `${stateFolder} keeps a run already: go on with it with --resume, or name another folder`
          })
        return inFolder(stateFolder)
      },
      catch: (cause) => {
        if (cause instanceof PlaybookError) return cause
        return new PlaybookError({
          message: cause instanceof JournalUnreadable ? cause.message : String(cause)
        })
      }
    })
  )
}

/** What tools printed: the end of it is kept for failures. */
class Outputs {
  private readonly kept = new Map<string, string>()
  private readonly onOutput: Request["onOutput"]

  constructor(onOutput: Request["onOutput"]) {
    this.onOutput = onOutput
  }

  readonly take = (command: Command, event: WorkerEvent): void => {
    if (event._tag === "Started") return
    const { stderr = "", stdout = "" } = event.result
    const text = [stdout, stderr].filter((part) => part !== "").join("\n")
    if (text === "") return
    this.onOutput(command.step, text)
    if (event._tag === "Failed") this.keep(command.commandId, text.slice(-maxKept))
  }

  of(commandId: string): string | undefined {
    return this.kept.get(commandId)
  }

  private keep(id: string, text: string): void {
    this.kept.set(id, text)
    const [oldest] = this.kept.keys()
    if (this.kept.size > maxOutputs && oldest !== undefined) this.kept.delete(oldest)
  }
}

/** Characters. */
const maxKept = 16_384
const maxOutputs = 32
