/** The shapes in which a secret shows up: encoded by a header, escaped by JSON, quoted by a shell. */

/** A secret longer than this is taken in pieces: every piece is masked by itself. */
const pieceLength = 1_024

export const piecesOf = (secret: string): ReadonlyArray<string> => {
  if (secret.length <= pieceLength) return [secret]
  const pieces: Array<string> = []
  for (let i = 0; i < secret.length; i += pieceLength) pieces.push(secret.slice(i, i + pieceLength))
  // A last piece that is too short to be masked alone is masked together with what stands before it.
  const last = pieces.at(-1) ?? ""
  return last.length < 64 ? [...pieces.slice(0, -1), secret.slice(-(64 + last.length))] : pieces
}

/** Every shape of a secret, itself first. */
export const shapesOf = (secret: string): ReadonlySet<string> => {
  const shapes = new Set<string>([secret])
  for (const text of new Set([secret, secret.trim()])) {
    if (text === "") continue
    shapes.add(text)
    for (const shape of [
      ...base64(text),
      ...hex(text),
      ...url(text),
      ...json(text),
      ...shell(text),
      html(text)
    ]) {
      shapes.add(shape)
    }
  }
  for (const line of longLines(secret)) shapes.add(line)
  return shapes
}

/**
 * Base64 of something that contains the secret: what it looks like depends on where in a group of three bytes it begins.
 * Only the characters that do not depend on its neighbours are kept.
 */
const base64 = (text: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(text)
  const shapes: Array<string> = []
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64")
    const first = Math.ceil((shift * 8) / 6)
    const last = Math.floor(((shift + bytes.length) * 8) / 6)
    const kept = encoded.slice(first, last)
    shapes.push(kept, kept.replaceAll("+", "-").replaceAll("/", "_"))
  }
  return shapes
}

const hex = (text: string): ReadonlyArray<string> => {
  const lower = Buffer.from(text).toString("hex")
  return [lower, lower.toUpperCase()]
}

/** As `encodeURIComponent`, Python's `quote` and forms do it, with capital and with small digits. */
const url = (text: string): ReadonlyArray<string> => {
  const encoded = encodeURIComponent(text.toWellFormed())
  const strict = encoded.replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )
  const shapes = [encoded, strict, strict.replaceAll("%2F", "/"), strict.replaceAll("%20", "+")]
  return [...shapes, ...shapes.map((shape) => shape.replaceAll(/%[\dA-F]{2}/g, (code) => code.toLowerCase()))]
}

/** As JSON writes it, JSON inside JSON, Python's JSON, and Python's `repr`. */
const json = (text: string): ReadonlyArray<string> => {
  const once = JSON.stringify(text).slice(1, -1)
  const ascii = once.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
  const repr = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")
  return [once, JSON.stringify(once).slice(1, -1), ascii, repr, repr.replaceAll("'", "\\'")]
}

const shell = (text: string): ReadonlyArray<string> => [
  text.replaceAll("'", "'\\''"),
  text.replaceAll("'", `'"'"'`),
  text.replaceAll(/["$`\\]/g, "\\$&"),
  text.replaceAll(/[^\w@%+=:,./\-\n]/g, "\\$&")
]

const html = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

/** Lines of a key file are printed one by one; what every key file begins with is no secret. */
const longLines = (secret: string): ReadonlyArray<string> =>
  secret.includes("\n")
    ? secret
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line.length >= 16 && !line.startsWith("-----"))
    : []
