/**
 * The events of a run, in the order they happened. In a folder they outlive the process: a line is written before its
 * event has any effect, and a line that was cut is as if its event had not happened.
 */
import { Result, Schema } from "effect"
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { isObject, type Json, parse, stringify } from "../../domain/Json.ts"
import { messageOf } from "../../domain/messageOf.ts"
import type { Event } from "../../playbook/engine/Event.ts"

/** What a run is, told once at the head of its journal. */
export interface Head {
  readonly executionId: string
  /** The path of its playbook in a catalog. */
  readonly path: string
  /** Of the playbook's text, to see whether it is the same when the run goes on. */
  readonly fingerprint: string
  /** The command that started it; undefined for a run that a person started. */
  readonly parent: { readonly executionId: string; readonly command: string } | undefined
}

export interface RunJournal {
  /** Throws when it cannot be written: then the event has not happened. */
  readonly append: (event: Event) => void
}

/** What a folder kept of one run. */
export interface Kept {
  readonly head: Head
  readonly events: ReadonlyArray<Event>
}

export interface Journals {
  /** A new journal; what is kept already is not written again. */
  readonly open: (head: Head, isKept: boolean) => RunJournal
  /** The runs of earlier processes, oldest first. */
  readonly kept: ReadonlyArray<Kept>
}

export class JournalUnreadable extends Schema.TaggedError<JournalUnreadable>()("JournalUnreadable", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** Forgotten with the process. */
export const none: Journals = { open: () => ({ append: () => {} }), kept: [] }

const extension = ".ndjson"

/** Journals in a folder, one file for each run. Throws `JournalUnreadable`. */
export const inFolder = (folder: string): Journals => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const files = readdirSync(folder).filter((name) => name.endsWith(extension))
    const kept = files.map((name) => read(join(folder, name))).filter((one) => one !== undefined)
    return {
      kept: kept.toSorted((a, b) => (BigInt(a.head.executionId) < BigInt(b.head.executionId) ? -1 : 1)),
      open: (head, isKept) => {
        const path = join(folder, `${head.executionId}${extension}`)
        if (!isKept) write(path, head)
        return { append: (event) => write(path, event) }
      }
    }
  } catch (cause) {
    throw cause instanceof JournalUnreadable
      ? cause
      : new JournalUnreadable({ path: folder, detail: messageOf(cause) })
  }
}

/** Whether a folder has a journal. */
export const hasRuns = (folder: string): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(extension))

const write = (path: string, line: unknown): void =>
  appendFileSync(path, `${stringify(line)}\n`, { mode: 0o600 })

/** Undefined for a run whose head was cut: nothing of it has happened. */
const read = (path: string): Kept | undefined => {
  const text = readFileSync(path, "utf8")
  const whole = text.slice(0, text.lastIndexOf("\n") + 1)
  // The next line must not be written behind a cut one.
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole))
  const lines = whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => lineOf(path, line, index))
  const [head, ...events] = lines
  return head === undefined
    ? undefined
    : { head: head as unknown as Head, events: events as unknown as ReadonlyArray<Event> }
}

const lineOf = (path: string, line: string, index: number): Json => {
  const value = parse(line, { maxBytes: 1024 * 1024 * 1024, maxDepth: 1000 })
  if (Result.isFailure(value) || !isObject(value.success))
    throw new JournalUnreadable({
      path: `${path}:${index + 1}`,
      detail: "the line is no event: the file was changed by another program"
    })
  return value.success
}
