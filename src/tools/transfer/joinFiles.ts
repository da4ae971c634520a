/** Puts rows behind those of a file of text, whose own bytes stay as they are. */
import { createReadStream, createWriteStream } from "node:fs"
import { open, readFile, rename, rm, stat } from "node:fs/promises"
import { pipeline } from "node:stream/promises"

/** Afterwards `added` has the bytes of `file` and its own behind them. */
export const joinFiles = async (
  file: string,
  added: string,
  format: "csv" | "jsonl" | "json"
): Promise<void> => {
  const whole = `${added}.whole`
  try {
    const { size } = await stat(file)
    const { between, until } = format === "json" ? await arrayEnd(file, size) : await lineEnd(file, size)
    if (until > 0) await pipeline(createReadStream(file, { end: until - 1 }), createWriteStream(whole))
    const more = format === "json" ? (await readFile(added, "utf8")).replace(/^\s*\[/, "") : undefined
    const isEmpty = more !== undefined && /^\s*\]\s*$/.test(more)
    const to = createWriteStream(whole, { flags: "a" })
    if (!isEmpty) to.write(between)
    if (more === undefined) await pipeline(createReadStream(added), to)
    else
      await new Promise<void>((resolve, reject) => void to.once("error", reject).end(more, () => resolve()))
    await rename(whole, added)
  } finally {
    await rm(whole, { force: true })
  }
}

interface End {
  /** Bytes of the file that stay. */
  readonly until: number
  readonly between: string
}

/** So much of the end of a file is looked at. */
const TAIL = 4096

const tailOf = async (file: string, size: number): Promise<string> => {
  const handle = await open(file)
  try {
    const length = Math.min(TAIL, size)
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString("latin1")
  } finally {
    await handle.close()
  }
}

const lineEnd = async (file: string, size: number): Promise<End> => {
  const isWhole = size === 0 || (await tailOf(file, size)).endsWith("\n")
  return { until: size, between: isWhole ? "" : "\n" }
}

const arrayEnd = async (file: string, size: number): Promise<End> => {
  const tail = await tailOf(file, size)
  const end = /\s*\]\s*$/.exec(tail)
  if (end === null) throw new Error(`${file} does not end with a JSON array`)
  const isEmpty = tail.slice(0, end.index).trimEnd().endsWith("[") && size < TAIL
  return { until: size - (tail.length - end.index), between: isEmpty ? "" : "," }
}
