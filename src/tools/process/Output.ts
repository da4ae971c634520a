/** What a process wrote: the first and the last bytes of it, and its lines for the log. */

export interface Captured {
  readonly text: string
  /** Bytes that the process wrote, kept or not. */
  readonly bytes: number
  readonly truncated: boolean
}

export interface Capture {
  readonly push: (chunk: Uint8Array) => void
  readonly end: () => Captured
}

/**
 * Keeps at most `maxBytes`, half of them from the beginning and half from the end. Bytes are copied into two
 * buffers, because a list of chunks costs a hundred times its bytes when a program writes them one by one.
 */
export const makeCapture = (maxBytes: number): Capture => {
  const headMax = Math.ceil(maxBytes / 2)
  const tailMax = maxBytes - headMax
  let head = Buffer.alloc(0)
  let headBytes = 0
  let tail: Buffer | undefined
  let tailEnd = 0
  let bytes = 0
  return {
    push: (chunk) => {
      const toHead = Math.min(chunk.length, headMax - headBytes)
      if (toHead > 0) {
        head = withRoom(head, headBytes, toHead, headMax)
        head.set(chunk.subarray(0, toHead), headBytes)
        headBytes += toHead
      }
      bytes += chunk.length
      if (toHead === chunk.length || tailMax === 0) return
      tail ??= Buffer.allocUnsafe(tailMax)
      tailEnd = intoRing(tail, tailEnd, chunk.subarray(toHead))
    },
    end: () => {
      const start = head.subarray(0, headBytes)
      const end = tail === undefined ? Buffer.alloc(0) : fromRing(tail, tailEnd, bytes - headBytes)
      const missing = bytes - start.length - end.length
      if (missing === 0)
        return { text: Buffer.concat([start, end]).toString("utf8"), bytes, truncated: false }
      const first = start.subarray(0, wholeCharacters(start)).toString("utf8")
      const last = end.subarray(firstCharacter(end)).toString("utf8")
      return { text: `${first}\n[${missing} bytes left out]\n${last}`, bytes, truncated: true }
    }
  }
}

export interface Lines {
  /** The lines that this chunk completes. */
  readonly push: (chunk: Uint8Array) => ReadonlyArray<string>
  /** The last line, when it has no newline. */
  readonly end: () => ReadonlyArray<string>
}

/**
 * Text lines out of bytes that are cut anywhere. A line longer than `maxLength` comes in pieces; after `maxBytes`
 * nothing comes any more, save a note: the log of a program that never stops writing is bounded too.
 */
export const makeLines = (maxBytes: number, maxLength = 8192): Lines => {
  const decoder = new TextDecoder("utf-8")
  let rest = ""
  let bytes = 0
  const cut = (last: boolean): Array<string> => {
    const lines = rest.split("\n")
    const unfinished = lines.pop() ?? ""
    const open = last || unfinished.length > maxLength
    rest = open ? "" : unfinished
    if (open && unfinished !== "") lines.push(unfinished)
    return lines.flatMap((line) => piecesOf(line.endsWith("\r") ? line.slice(0, -1) : line, maxLength))
  }
  return {
    push: (chunk) => {
      if (bytes > maxBytes) return []
      bytes += chunk.length
      rest += decoder.decode(chunk, { stream: true })
      return bytes > maxBytes
        ? [...cut(true), `[more than ${maxBytes} bytes: the rest is not logged]`]
        : cut(false)
    },
    end: () => {
      if (bytes > maxBytes) return []
      rest += decoder.decode()
      return cut(true)
    }
  }
}

const withRoom = (
  buffer: Buffer<ArrayBuffer>,
  used: number,
  more: number,
  max: number
): Buffer<ArrayBuffer> => {
  if (used + more <= buffer.length) return buffer
  const larger = Buffer.allocUnsafe(Math.min(max, Math.max(used + more, buffer.length * 2, 4096)))
  buffer.copy(larger, 0, 0, used)
  return larger
}

/** Writes to a ring and returns the new end, which counts on without wrapping. */
const intoRing = (ring: Buffer, end: number, bytes: Uint8Array): number => {
  const kept = bytes.subarray(Math.max(0, bytes.length - ring.length))
  const at = (end + bytes.length - kept.length) % ring.length
  const first = Math.min(kept.length, ring.length - at)
  ring.set(kept.subarray(0, first), at)
  ring.set(kept.subarray(first), 0)
  return end + bytes.length
}

const fromRing = (ring: Buffer, end: number, written: number): Buffer => {
  if (written <= ring.length) return ring.subarray(0, written)
  const at = end % ring.length
  return Buffer.concat([ring.subarray(at), ring.subarray(0, at)])
}

/** How many of the bytes are whole UTF-8 characters. */
const wholeCharacters = (bytes: Uint8Array): number => {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return bytes.length - back + 1
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return length === back ? bytes.length : bytes.length - back
    }
  }
  return bytes.length
}

/** Where the first whole UTF-8 character begins. */
const firstCharacter = (bytes: Uint8Array): number => {
  let at = 0
  while (at < Math.min(4, bytes.length) && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++
  return at
}

const piecesOf = (line: string, maxLength: number): ReadonlyArray<string> => {
  if (line.length <= maxLength) return [line]
  return Array.from({ length: Math.ceil(line.length / maxLength) }, (_, i) =>
    line.slice(i * maxLength, (i + 1) * maxLength)
  )
}
