/** Takes off the compressions of an answer. An answer that ends in the middle of one is an error. */
import { pipeline, type Transform } from "node:stream"
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress
} from "node:zlib"

type Bytes = AsyncIterable<Uint8Array>

/** `source` as it was before the compressions of its `content-encoding`; as it comes where one of them is not known. */
export const unpacked = (source: Bytes, contentEncoding: string): Bytes => {
  const decoders = contentEncoding
    .toLowerCase()
    .split(",")
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== "" && encoding !== "identity")
    .toReversed()
    .map((encoding) => decoderFor.get(encoding))
  const known = decoders.filter((decoder) => decoder !== undefined)
  return known.length < decoders.length ? source : known.reduce(decoded, source)
}

/** A decoder for what begins with these bytes. */
type Decoder = (start: Uint8Array) => Transform

const decoderFor: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", () => createGunzip()],
  ["x-gzip", () => createGunzip()],
  // Servers mean either by it: the format with a header, or the bare one.
  ["deflate", (start) => (hasZlibHeader(start) ? createInflate() : createInflateRaw())],
  ["br", () => createBrotliDecompress()],
  ["zstd", () => createZstdDecompress()]
])

const hasZlibHeader = ([first = 0, second = 0]: Uint8Array): boolean =>
  (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0

/** An answer without a body has no compression either, whatever its header says. */
async function* decoded(source: Bytes, decoder: Decoder): Bytes {
  const chunks = source[Symbol.asyncIterator]()
  const start = await beginning(chunks)
  if (start.length === 0) return
  const output = decoder(start)
  // The pipeline hands a failure of the connection on to the stream that is read.
  pipeline(rest(start, chunks), output, () => undefined)
  yield* output as Bytes
}

/** The first two bytes, or all that come. */
const beginning = async (chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> => {
  let start: Uint8Array = new Uint8Array()
  while (start.length < 2) {
    const next = await chunks.next()
    if (next.done === true) break
    start = Buffer.concat([start, next.value])
  }
  return start
}

async function* rest(start: Uint8Array, chunks: AsyncIterator<Uint8Array>): Bytes {
  yield start
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
}
