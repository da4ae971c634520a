/**
 * Finds secrets in what leaves the worker, whatever was made of them. It takes texts apart (URLs, JSON, escapes, base64,
 * hex, HTML) and searches for pieces of the secret, so that it knows none of the shapes that the redactor knows.
 */

export interface Leak {
  /** Where the text came from. */
  readonly source: string
  /** What it was taken apart with, from the outside to the inside. */
  readonly path: string
  /** Characters of the secret, and what stands around them. */
  readonly piece: string
  readonly around: string
}

/** Pieces of a secret that are this long do not turn up by chance. */
const pieceLength = 8
/** `maxDepth` times one inside of the other. */
export const scan = (
  secrets: ReadonlyArray<string>,
  source: string,
  text: string,
  maxDepth = 3
): ReadonlyArray<Leak> => {
  const pieces = new Set(secrets.flatMap(piecesOf))
  const seen = new Set<string>()
  const leaks: Array<Leak> = []
  const visit = (view: string, path: string, depth: number): void => {
    if (view.length < pieceLength || seen.has(view) || leaks.length >= 5) return
    seen.add(view)
    for (let at = 0; at + pieceLength <= view.length; at++) {
      const piece = view.slice(at, at + pieceLength)
      if (!pieces.has(piece)) continue
      leaks.push({ source, path, piece, around: view.slice(Math.max(0, at - 60), at + 60) })
      return
    }
    if (depth === maxDepth) return
    for (const [name, decode] of Object.entries(decoders))
      for (const inner of decode(view)) if (inner !== view) visit(inner, `${path} > ${name}`, depth + 1)
  }
  visit(text, "text", 0)
  return leaks
}

/** Without what no program has to keep: a NUL, and the kind of white space. */
const piecesOf = (secret: string): ReadonlyArray<string> =>
  [secret, secret.replaceAll("\0", ""), secret.replaceAll("\0", "\ufffd")].flatMap((text) =>
    Array.from({ length: Math.max(0, text.length - pieceLength + 1) }, (_, i) =>
      text.slice(i, i + pieceLength)
    )
  )

const bytes = (buffer: Buffer): ReadonlyArray<string> => [buffer.toString("utf8"), buffer.toString("latin1")]

const decoders: Readonly<Record<string, (text: string) => ReadonlyArray<string>>> = {
  url: (text) => [percent(text), percent(text.replaceAll("+", " "))],
  escapes: (text) => [unescaped(text)],
  octal: (text) => [
    Buffer.from(
      text.replaceAll(/\\([0-3][0-7]{2})/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 8))
      ),
      "latin1"
    ).toString("utf8")
  ],
  doubled: (text) => [text.replaceAll("''", "'").replaceAll('""', '"')],
  html: (text) => [
    text
      .replaceAll(/&#x([\da-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
      .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&apos;", "'")
      .replaceAll("&amp;", "&")
  ],
  hex: (text) =>
    [...text.matchAll(/(?:[\da-f]{2}(?:[\s:-]|\\n)?){8,}/gi)].flatMap(([run]) =>
      bytes(Buffer.from(run.replaceAll(/\\n|[^\da-f]/gi, ""), "hex"))
    ),
  base64: (text) =>
    [...text.matchAll(/(?:[\w+/-]|\s|\\n){12,}/g)].flatMap(([run]) => {
      const whole = run.replaceAll(/\\n|\s/g, "")
      return [0, 1, 2, 3].flatMap((shift) => bytes(Buffer.from(whole.slice(shift), "base64")))
    }),
  latin1: (text) => [Buffer.from(text, "latin1").toString("utf8")]
}

const percent = (text: string): string =>
  text.replaceAll(/(?:%[\da-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"))

const named: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  f: "\f",
  v: "\v",
  a: "\x07",
  E: "\x1b",
  "0": "\0"
}

const unescaped = (text: string): string => {
  const named8 =
    /\\(?:U([\da-f]{8})|u\{([\da-f]+)\}|u([\da-f]{4})|((?:x[\da-f]{2}(?:\\(?=x[\da-f]{2}))?)+)|(.))/gis
  return text.replaceAll(
    named8,
    (_, long?: string, rust?: string, short?: string, hexes?: string, one?: string) => {
      const code = long ?? rust ?? short
      if (code !== undefined) {
        const value = Number.parseInt(code, 16)
        return value > 0x10ffff ? "" : String.fromCodePoint(value)
      }
      if (hexes !== undefined) {
        const run = Buffer.from(hexes.replaceAll(/[\\x]/g, ""), "hex")
        const utf8 = run.toString("utf8")
        return utf8.includes("\ufffd") ? run.toString("latin1") : utf8
      }
      return named[one ?? ""] ?? one ?? ""
    }
  )
}
