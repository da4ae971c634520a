/**
 * A server may say `100 Continue` without being asked (RFC 9110, 15.2.1: a client must be able to read past it). undici
 * closes the connection then, so what it reads from a socket is read here first.
 */
import type { Socket } from "node:net"

/** Leaves out interim answers of status 100 from what the socket gives. Only for HTTP/1. */
export const withoutContinue = (socket: Socket): void => {
  const state: State = { begins: true, waiting: Buffer.alloc(0) }
  const write = socket.write.bind(socket) as (...args: ReadonlyArray<unknown>) => boolean
  const read = socket.read.bind(socket)
  Object.assign(socket, {
    // With a request begins the wait for its answer; nothing in an answer's body is taken for a status line.
    write: (...args: ReadonlyArray<unknown>) => {
      state.begins = true
      return write(...args)
    },
    read: (size?: number) => {
      const chunk: unknown = read(size)
      return state.begins && Buffer.isBuffer(chunk) ? passed(state, chunk) : chunk
    }
  })
}

interface State {
  /** Whether the next byte is the first of a status line. */
  begins: boolean
  /** The beginning of what may become an interim answer. */
  waiting: Buffer
}

const statusLine = "HTTP/1.1 100"
const maxHeaders = 16 * 1024

/** What follows the interim answers; null while more has to come. */
const passed = (state: State, chunk: Buffer): Buffer | null => {
  let bytes = Buffer.concat([state.waiting, chunk])
  state.waiting = Buffer.alloc(0)
  while (isInterim(bytes)) {
    const end = bytes.indexOf("\r\n\r\n")
    if (end === -1 && bytes.length <= maxHeaders) {
      state.waiting = bytes
      return null
    }
    if (end === -1) break
    bytes = bytes.subarray(end + 4)
    if (bytes.length === 0) return null
  }
  state.begins = false
  return bytes
}

/** Also for fewer bytes than tell. */
const isInterim = (bytes: Buffer): boolean => {
  const start = bytes.subarray(0, statusLine.length).toString("latin1")
  return statusLine.startsWith(start) || start.replace("1.0", "1.1") === statusLine
}
