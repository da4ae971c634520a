/**
 * One request and its whole answer, straight from undici's dispatcher: its `request` makes a stream, a promise and an
 * abort signal for each, which cost more than a small answer.
 */
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

/** Exactly one of them is called, once, and neither after the exchange was cancelled. */
export interface Handlers {
  readonly onAnswer: (received: Received) => void
  readonly onError: (cause: unknown) => void
}

/** Starts an exchange. The function that it gives back cancels it and closes its connection. */
export const exchange = (
  agent: Dispatcher,
  sent: Sent,
  maxBytes: number,
  { onAnswer, onError }: Handlers
): (() => void) => {
  const state: { isOver: boolean; cancelled: Error | undefined } = { isOver: false, cancelled: undefined }
  let running: Dispatcher.DispatchController | undefined
  let status = 0
  let retryAfter: string | undefined
  let bytes = 0
  const chunks: Array<Buffer> = []
  const end = (tell: () => void) => {
    if (state.isOver) return
    state.isOver = true
    tell()
  }
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => {
      running = controller
      // It was cancelled while it waited for a connection.
      if (state.cancelled !== undefined) controller.abort(state.cancelled)
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
    onResponseEnd: () => end(() => onAnswer({ status, retryAfter, text: textOf(chunks) })),
    onResponseError: (_, error) => end(() => onError(error))
  }
  try {
    agent.dispatch(sent, handler)
  } catch (cause) {
    // An address or a header that cannot be written.
    end(() => onError(cause))
  }
  return () =>
    end(() => {
      state.cancelled = new Error("its caller was interrupted")
      running?.abort(state.cancelled)
    })
}

const textOf = (chunks: ReadonlyArray<Buffer>): string => {
  const [only] = chunks
  if (only === undefined) return ""
  return (chunks.length === 1 ? only : Buffer.concat(chunks)).toString("utf8")
}
