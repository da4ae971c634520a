/** Playbooks in folders, by the path that each says in its metadata. */
import { parse as parseYaml } from "yaml"
import { createHash } from "node:crypto"
import { Effect, Result, Schema } from "effect"
import { existsSync, globSync, readFileSync, statSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import type { Source } from "../control-plane/local/Options.ts"
import { plainTextOf } from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { load, type Loaded, type LoadOptions } from "../playbook/load.ts"
import type { Playbook } from "../playbook/Playbook.ts"
import { type Problem, textOf } from "../playbook/Problem.ts"
import { defaultLimits } from "../playbook/Source.ts"

/** A file that is not there or cannot be read, or a playbook with errors. */
export class PlaybookError extends Schema.TaggedError<PlaybookError>()("PlaybookError", {
  message: Schema.String
}) {}

export interface Read extends Loaded {
  readonly text: string
  readonly fingerprint: string
}

/** Reads and checks a file. */
export const readPlaybook = (path: string, options: LoadOptions = {}): Result.Result<Read, PlaybookError> => {
  try {
    const { size } = statSync(path)
    const most = options.limits?.maxBytes ?? defaultLimits.maxBytes
    if (size > most)
      return Result.fail(
        new PlaybookError({
          message: `${path}: error: the file has ${size} bytes; a playbook may have ${most}`
        })
      )
    const text = readFileSync(path, "utf8")
    return Result.succeed({ ...load(path, text, options), text, fingerprint: fingerprintOf(text) })
  } catch (cause) {
    const missing = !existsSync(path)
    return Result.fail(
      new PlaybookError({
        message: missing ? `there is no file ${path}` : `${path} cannot be read: ${messageOf(cause)}`
      })
    )
  }
}

export const fingerprintOf = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 16)

/** One playbook of a folder, by its head alone. */
export interface Entry {
  readonly path: string
  readonly name: string
  readonly kind: string
  readonly version: string | undefined
  readonly file: string
}

/** Every playbook in folders and below them. A file that is no playbook is left out. */
export const entriesIn = (folders: ReadonlyArray<string>): ReadonlyArray<Entry> =>
  [...new Set(folders.map((folder) => resolve(folder)))]
    .flatMap((folder) =>
      globSync("**/*.{yaml,yml}", { cwd: folder, exclude: (name) => name === "node_modules" }).map((name) =>
        join(folder, name)
      )
    )
    .flatMap((file) => headOf(file) ?? [])
    .toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))

/** The head of a playbook by its lines: thousands of files are read at once, and their bodies may be wrong. */
const headOf = (file: string): Entry | undefined => {
  const text = readFileSync(file, "utf8")
  const kind = /^kind:\s*(\w+)\s*$/m.exec(text)?.[1]
  if (kind === undefined || !/^apiVersion:/m.test(text)) return undefined
  const metadata = metadataOf(/^metadata:.*\n?(?:[ \t]+.*\n?|\s*\n)*/m.exec(text)?.[0] ?? "")
  const field = (name: string) => plainTextOf(metadata?.[name])
  const name = field("name") ?? ""
  return { file, kind, name, path: field("path") ?? name, version: field("version") }
}

/** Undefined where this part of the file is no YAML, which a run of the file reports. */
const metadataOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const { metadata } = parseYaml(text, { logLevel: "silent", maxAliasCount: 0 }) as {
      readonly metadata?: Readonly<Record<string, unknown>>
    }
    return metadata
  } catch {
    return undefined
  }
}

/** Finds the playbook that a step names: a file beside the one that calls, or a place in the catalog. */
export const finder = (folders: ReadonlyArray<string>, options: LoadOptions) => {
  const indexes = new Map<string, ReadonlyArray<Entry>>()
  const known = new Map<string, Source>()
  const indexOf = (from: string) => {
    const entries = indexes.get(from) ?? entriesIn([from, ...folders])
    indexes.set(from, entries)
    return entries
  }

  const sourceOf = (file: string): Effect.Effect<Source, string> => {
    const before = known.get(file)
    if (before !== undefined) return Effect.succeed(before)
    const read = readPlaybook(file, options)
    if (Result.isFailure(read)) return Effect.fail(read.failure.message)
    const { fingerprint, playbook, problems } = read.success
    if (playbook === undefined) return Effect.fail(`the playbook is not valid:\n${errorsOf(problems)}`)
    const source = { playbook, fingerprint }
    known.set(file, source)
    return Effect.succeed(source)
  }

  return (path: string, from: Playbook): Effect.Effect<Source, string> =>
    Effect.suspend(() => {
      const base = dirname(resolve(from.file))
      if (/^(\.\.?\/|\/.*\.ya?ml$)|\.ya?ml$/.test(path)) return sourceOf(resolve(base, path))
      const files = [
        ...new Set(
          indexOf(base)
            .filter((entry) => same(entry.path, path))
            .map(({ file }) => file)
        )
      ]
      const [first, second] = files
      if (first === undefined)
        return Effect.fail(
          `no playbook has the path "${path}" in ${[base, ...folders].join(", ")}: name its folder with --catalog, or write ./FILE.yaml`
        )
      if (second !== undefined)
        return Effect.fail(`two playbooks have the path "${path}": ${first} and ${second}`)
      return sourceOf(first)
    })
}

/** A slash at the start is the same path with and without. */
const same = (a: string, b: string): boolean => a.replace(/^\//, "") === b.replace(/^\//, "")

export const errorsOf = (problems: ReadonlyArray<Problem>): string =>
  problems
    .filter(({ level }) => level === "error")
    .map(textOf)
    .join("\n")
