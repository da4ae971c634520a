/** Results in this process, and in a folder of its own when they would take too much memory. For runs without a server. */
import { Effect, Layer, Scope } from "effect"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { makeTemporaryFolder } from "../async/temporaryFolder.ts"
import type { Json } from "../domain/Json.ts"
import { messageOf } from "../domain/messageOf.ts"
import { newRef } from "./reference.ts"
import {
  type Content,
  decoded,
  failed,
  type ResultKey,
  ResultMissing,
  ResultStore,
  ResultTooLarge,
  StoreUnavailable
} from "./ResultStore.ts"

export interface Options {
  /** Bytes of text that are kept in memory. */
  readonly memoryBytes: number
  readonly diskBytes: number
}

export const defaults: Options = { memoryBytes: 256 * 1024 * 1024, diskBytes: 16 * 1024 * 1024 * 1024 }

export const layer = (options: Partial<Options> = {}): Layer.Layer<ResultStore> =>
  Layer.effect(ResultStore, make({ ...defaults, ...options }))

type Entry = { readonly value: Json } | { readonly file: string }

const make = Effect.fnUntraced(function* (options: Options) {
  const entries = new Map<string, Entry>()
  const used = { memory: 0, disk: 0 }
  const folder = yield* Effect.cached(spillFolder(yield* Effect.scope))

  const put = Effect.fnUntraced(function* (key: ResultKey, { value, text }: Content) {
    const ref = newRef(key)
    const bytes = Buffer.byteLength(text)
    if (used.memory + bytes <= options.memoryBytes) {
      used.memory += bytes
      entries.set(ref, { value })
      return { ref, store: "memory", expiresAt: undefined }
    }
    if (used.disk + bytes > options.diskBytes) {
      const detail = `${bytes} bytes more than the ${options.diskBytes} that results may take on disk`
      return yield* Effect.fail(failed(ref, new ResultTooLarge({ detail })))
    }
    used.disk += bytes
    const file = join(yield* folder, `${entries.size}.json`)
    yield* attempt(ref, () => writeFile(file, text, { mode: 0o600 }))
    entries.set(ref, { file })
    return { ref, store: "disk", expiresAt: undefined }
  })

  const get = Effect.fnUntraced(function* (ref: string) {
    const entry = entries.get(ref)
    if (entry === undefined) {
      return yield* Effect.fail(failed(ref, new ResultMissing({ detail: "not found" })))
    }
    if ("value" in entry) return entry.value
    const text = yield* attempt(ref, () => readFile(entry.file, "utf8"))
    return yield* decoded(ref, text, options.diskBytes)
  })

  return ResultStore.of({ name: "memory", put, get })
})

/** Made when it is needed, gone with the layer. */
const spillFolder = (scope: Scope.Scope) =>
  Effect.acquireRelease(
    Effect.sync(() => makeTemporaryFolder("results")),
    (folder) => Effect.sync(folder.remove)
  ).pipe(
    Effect.map(({ path }) => path),
    Effect.provideService(Scope.Scope, scope)
  )

const attempt = <A>(ref: string, work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => failed(ref, new StoreUnavailable({ detail: messageOf(cause) }))
  })
