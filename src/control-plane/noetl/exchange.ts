/**
 * One request and its whole answer, straight from undici's dispatcher: its `request` makes a stream, a promise and an
 * abort signal for each, which cost more than a small answer.
 */
import { Effect, type Exit } from "effect"
import type { Dispatcher } from "undici"

export interface Sent {
  readonly origin: string
  readonly path: string
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  readonly headers: Record<string, string>
  readonly body: string | null
}

export interface Received {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

export class AnswerTooLarge extends Error {}

/** Ends as `handlers` say; an interruption gives the connection up. */
export const exchange = <A, E>(
  agent: Dispatcher,
  sent: Sent,
  maxBytes: number,
  handlers: {
    readonly onAnswer: (received: Received) => Exit.Exit<A, E>
    /** Whatever went wrong on the way. */
    readonly onError: (cause: unknown) => Exit.Exit<A, E>
  }
): Effect.Effect<A, E> =>
  Effect.callback((resume) => {
    const gone: { reason: Error | undefined } = { reason: undefined }
    let running: Dispatcher.DispatchController | undefined
    let status = 0
    let retryAfter: string | undefined
    let bytes = 0
    const chunks: Array<Buffer> = []
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (controller) => {
        running = controller
        // It waited for a connection while its caller went away.
        if (gone.reason !== undefined) controller.abort(gone.reason)
      },
      onResponseStart: (_, code, headers) => {
        status = code
        const header = headers["retry-after"]
        retryAfter = Array.isArray(header) ? header[0] : header
      },
      onResponseData: (controller, chunk) => {
        bytes += chunk.length
        if (bytes > maxBytes) controller.abort(new AnswerTooLarge(`larger than ${maxBytes} bytes`))
        else chunks.push(chunk)
      },
      onResponseEnd: () =>
        resume(Effect.suspend(() => handlers.onAnswer({ status, retryAfter, text: textOf(chunks) }))),
      onResponseError: (_, error) => resume(handlers.onError(error))
    }
    try {
      agent.dispatch(sent, handler)
    } catch (cause) {
      // An address or a header that cannot be written.
      resume(handlers.onError(cause))
    }
    return Effect.sync(() => {
      gone.reason = new Error("its caller was interrupted")
      running?.abort(gone.reason)
    })
  })

const textOf = (chunks: ReadonlyArray<Buffer>): string => {
  const [only] = chunks
  if (only === undefined) return ""
  return (chunks.length === 1 ? only : Buffer.concat(chunks)).toString("utf8")
}
