/** One heartbeat over HTTP, with the token and the certificates as their files hold them now. */
import { readFile } from "node:fs/promises"
import { request as plain } from "node:http"
import { request as secure } from "node:https"
import type { BeatRequest } from "./leaseProtocol.ts"

/** The status of the answer. */
export const sendBeat = async (beat: BeatRequest): Promise<number> => {
  const token = beat.tokenFile === undefined ? undefined : (await readFile(beat.tokenFile, "utf8")).trim()
  const options = {
    method: "POST",
    headers: {
      ...beat.headers,
      "content-length": Buffer.byteLength(beat.body),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
    },
    signal: AbortSignal.timeout(Math.min(beat.everyMillis, 10_000))
  }
  const tls = await pemOf(beat)
  return new Promise((resume, fail) => {
    const request = beat.url.startsWith("https:")
      ? secure(beat.url, { ...options, ...tls })
      : plain(beat.url, options)
    request.on("error", fail)
    request.on("response", (answer) => {
      answer.resume()
      answer.on("error", fail)
      answer.on("end", () => resume(answer.statusCode ?? 0))
    })
    request.end(beat.body)
  })
}

const pemOf = async ({ tls }: BeatRequest) => ({
  ...(tls?.caFile === undefined ? {} : { ca: await readFile(tls.caFile) }),
  ...(tls?.certFile === undefined ? {} : { cert: await readFile(tls.certFile) }),
  ...(tls?.keyFile === undefined ? {} : { key: await readFile(tls.keyFile) })
})
