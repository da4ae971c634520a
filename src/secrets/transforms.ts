/** The shapes in which a secret shows up: encoded by a header, escaped by JSON, quoted by a shell. */
import { html, json, programs, shell, sql } from "./quoting.ts"
import { url } from "./urlShapes.ts"

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
  for (const text of new Set([secret, secret.trim(), withoutNul(secret, "\ufffd"), withoutNul(secret, "")])) {
    if (text === "") continue
    shapes.add(text)
    for (const make of encodings) for (const shape of make(text)) shapes.add(shape)
  }
  for (const line of longLines(secret)) shapes.add(line)
  return shapes
}

/** No database stores a NUL: results have a mark in its place, and shells leave it out. */
const withoutNul = (text: string, mark: string): string => text.toWellFormed().replaceAll("\0", mark)

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

/** UTF-8 that was read as Latin-1: headers of HTTP are. */
const latin1 = (text: string): ReadonlyArray<string> => [Buffer.from(text).toString("latin1")]

const hex = (text: string): ReadonlyArray<string> => {
  const lower = Buffer.from(text).toString("hex")
  return [lower, lower.toUpperCase()]
}

/** Lines of a key file are printed one by one; what every key file begins with is no secret. */
const longLines = (secret: string): ReadonlyArray<string> =>
  secret.includes("\n")
    ? secret
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line.length >= 16 && !line.startsWith("-----"))
    : []

const encodings = [base64, hex, latin1, url, json, programs, shell, sql, html]
