/** The events that each step left, held against those that the server's own worker left. */
import { readFileSync } from "node:fs"
import type { Event } from "./server.ts"

export type Steps = Readonly<Record<string, ReadonlyArray<string>>>

export const recorded = JSON.parse(readFileSync("test/fixtures/noetl/recorded.json", "utf8")) as Readonly<
  Record<string, Readonly<Record<string, { readonly steps: Steps } & Readonly<Record<string, unknown>>>>>
>

export const stepsOf = (events: ReadonlyArray<Event>): Steps => {
  const steps: Record<string, Array<string>> = {}
  for (const { step, type } of events) (steps[step] ??= []).push(type)
  return steps
}

/** Steps whose commands left other events than recorded. The order of different commands is the server's business. */
export const differences = (ours: Steps, theirs: Steps): ReadonlyArray<string> =>
  Object.entries(theirs).flatMap(([step, events]) => {
    const mine = ours[step]
    if (mine === undefined) return [`${step}: did not run; theirs left ${events.length} events`]
    const [a, b] = [workerEvents(mine), workerEvents(events)]
    return a === b ? [] : [`${step}:\n      ours   ${a}\n      theirs ${b}`]
  })

/** A batch is stored when the server comes to it, so its place among other events says nothing: only what is there. */
const workerEvents = (events: ReadonlyArray<string>): string =>
  events
    .filter((event) => event !== "command.issued" && !event.startsWith("batch."))
    .toSorted()
    .join(" ")
