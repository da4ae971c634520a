/** A Python exception in the words of policy rules. Pure. */
import * as Failure from "../../domain/Failure.ts"

export const failureOf = (exception: string, message: string, traceback: string): Failure.Failure => {
  const [kind, code] = kinds.get(exception) ?? ["tool_error", undefined]
  return Failure.make(kind, message, {
    source: "python",
    exception,
    traceback,
    ...(code === undefined ? {} : { code })
  })
}

const kinds: ReadonlyMap<string, readonly [Failure.FailureKind, string | undefined]> = new Map([
  ["TimeoutError", ["timeout", "CONN_TIMEOUT"]],
  ["timeout", ["timeout", "CONN_TIMEOUT"]],
  ["ReadTimeout", ["timeout", "CONN_TIMEOUT"]],
  ["ConnectTimeout", ["timeout", "CONN_TIMEOUT"]],
  ["ConnectionRefusedError", ["connection", "CONN_REFUSED"]],
  ["ConnectionResetError", ["connection", "CONN_RESET"]],
  ["ConnectionAbortedError", ["connection", "CONN_RESET"]],
  ["BrokenPipeError", ["connection", "CONN_RESET"]],
  ["ConnectionError", ["connection", "CONN_FAILED"]],
  ["ConnectError", ["connection", "CONN_FAILED"]],
  ["URLError", ["connection", "CONN_FAILED"]],
  ["gaierror", ["connection", "DNS_ERROR"]],
  ["JSONDecodeError", ["parse", undefined]],
  ["ParseError", ["parse", undefined]],
  ["ValidationError", ["schema", undefined]],
  ["MemoryError", ["limit", "OUT_OF_MEMORY"]]
])
