/** Results in a folder, so that a run that goes on in another process still reads what earlier steps gave. */
import { Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { messageOf } from "../domain/messageOf.ts"
import { newRef } from "../results/reference.ts"
import {
  type Content,
  decoded,
  failed,
  type ResultKey,
  ResultStore,
  StoreUnavailable
} from "../results/ResultStore.ts"

export const layer = (folder: string): Layer.Layer<ResultStore> =>
  Layer.succeed(
    ResultStore,
    ResultStore.of({
      name: "folder",
      put: Effect.fnUntraced(function* (key: ResultKey, { text }: Content) {
        const ref = newRef(key)
        yield* attempt(ref, async () => {
          await mkdir(folder, { recursive: true, mode: 0o700 })
          await writeFile(fileOf(folder, ref), text, { mode: 0o600 })
        })
        return { ref, store: "disk", expiresAt: undefined }
      }),
      get: (ref) =>
        Effect.flatMap(
          attempt(ref, () => readFile(fileOf(folder, ref), "utf8")),
          (text) => decoded(ref, text, maxBytes)
        )
    })
  )

const maxBytes = 1024 * 1024 * 1024

/** A reference has characters that no file's name may have. */
const fileOf = (folder: string, ref: string): string =>
  join(folder, `${createHash("sha256").update(ref).digest("hex").slice(0, 32)}.json`)

const attempt = <A>(ref: string, work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => failed(ref, new StoreUnavailable({ detail: messageOf(cause) }))
  })
