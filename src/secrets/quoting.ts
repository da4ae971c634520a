/** A secret as languages quote it: JSON, Python, Rust, shells, SQL, HTML. */

// --- JSON ---

const inner = (text: string): string => JSON.stringify(text).slice(1, -1)
const hex4 = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`

/** JSON, JSON inside of JSON, and a third time, as JavaScript, Python, PHP, Go and Java write it. */
export const json = (text: string): ReadonlyArray<string> => {
  const once = inner(text)
  const dialects = [
    once,
    once.replaceAll(/[^\x20-\x7e]/g, hex4),
    once.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${hex4(unit).slice(2).toUpperCase()}`),
    once.replaceAll("/", "\\/"),
    once.replaceAll(/[<>&\u2028\u2029]/g, hex4)
  ]
  return dialects.flatMap((first) => {
    const second = inner(first)
    return [first, second, inner(second)]
  })
}

// --- Python and Rust ---

const byName = new Map([
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"]
])
const hex2 = (code: number): string => `\\x${code.toString(16).padStart(2, "0")}`

/** `repr` of a text and of its bytes, `ascii`, and Rust's `{:?}`, with each of the quotes escaped or not. */
export const programs = (text: string): ReadonlyArray<string> =>
  [repr(text), reprBytes(text), ascii(text), rust(text)].flatMap((shape) => [
    shape,
    shape.replaceAll("'", "\\'"),
    shape.replaceAll('"', '\\"')
  ])

// oxlint-disable-next-line no-control-regex -- what `repr` writes as numbers
const unprintable = /[\\\0-\x1f\x7f-\xa0\xad]/g
const repr = (text: string): string =>
  text.replaceAll(unprintable, (one) => byName.get(one) ?? hex2(one.charCodeAt(0)))

const reprBytes = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => {
    const one = String.fromCharCode(byte)
    return byName.get(one) ?? (byte < 0x20 || byte > 0x7e ? hex2(byte) : one)
  }).join("")

const ascii = (text: string): string =>
  Array.from(text, (one) => {
    const code = one.codePointAt(0) ?? 0
    if (byName.has(one)) return byName.get(one)
    if (code >= 0x20 && code <= 0x7e) return one
    if (code <= 0xff) return hex2(code)
    return code <= 0xffff ? hex4(one) : `\\U${code.toString(16).padStart(8, "0")}`
  }).join("")

// oxlint-disable-next-line no-control-regex -- what Rust writes as numbers
const rustUnprintable = /[\\\0-\x1f\x7f-\x9f]/g
const rust = (text: string): string =>
  text.replaceAll(rustUnprintable, (one) =>
    one === "\0" ? "\\0" : (byName.get(one) ?? `\\u{${one.charCodeAt(0).toString(16)}}`)
  )

// --- shells ---

export const shell = (text: string): ReadonlyArray<string> => [
  text.replaceAll("'", "'\\''"),
  text.replaceAll("'", `'"'"'`),
  text.replaceAll(/["$`\\]/g, "\\$&"),
  text.replaceAll(/[^\w@%+=:,./\-\n]/g, "\\$&"),
  dollarQuoted(text, (one) => one),
  dollarQuoted(text, (one) => Array.from(Buffer.from(one), octal).join("")),
  // Words of an expansion without quotes, and what `echo` of dash makes of a backslash.
  text.replaceAll(/[ \t\n]+/g, " ").trim(),
  text.replaceAll(/\\([\\abfnrtv])/g, (_, name: string) => echoed[name] ?? name)
]

const echoed: Readonly<Record<string, string>> = {
  "\\": "\\",
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, "0")}`

const inDollarQuotes = new Map([
  ...byName,
  ["'", "\\'"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\x1b", "\\E"],
  ["\f", "\\f"],
  ["\v", "\\v"]
])

/** `$'…'` of `printf %q`, with letters beyond ASCII as the locale has them. */
const dollarQuoted = (text: string, beyond: (one: string) => string): string =>
  Array.from(text, (one) => {
    const code = one.codePointAt(0) ?? 0
    return (
      inDollarQuotes.get(one) ??
      (code < 0x20 || code === 0x7f ? octal(code) : code > 0x7f ? beyond(one) : one)
    )
  }).join("")

// --- SQL ---

/** Literals, names, arrays, `COPY`'s text, and bytes as PostgreSQL and DuckDB show them. */
export const sql = (text: string): ReadonlyArray<string> => [
  text.replaceAll("'", "''"),
  text.replaceAll("\\", "\\\\"),
  text.replaceAll("\\", "\\\\").replaceAll("'", "''"),
  text.replaceAll('"', '""'),
  text.replaceAll(/["\\]/g, "\\$&"),
  text.replaceAll(/["\\]/g, "$&$&"),
  text.replaceAll(/['\\]/g, "\\$&"),
  text.replaceAll(/[\\\b\f\n\r\t\v]/g, (one) => (one === "\\" ? "\\\\" : `\\${copied[one]}`)),
  bytesShown(text, (byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`, `\\'"`),
  bytesShown(text, octal, ""),
  bytesShown(text, octal, "").replaceAll("'", "''"),
  // PostgreSQL's `escape` leaves the control characters as they are.
  Array.from(text.replaceAll("\\", "\\\\"), (one) =>
    one <= "\x7f" ? one : Array.from(Buffer.from(one), octal).join("")
  ).join("")
]

const copied: Readonly<Record<string, string>> = {
  "\b": "b",
  "\f": "f",
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\v": "v"
}

const bytesShown = (text: string, show: (byte: number) => string, alsoShown: string): string =>
  Array.from(Buffer.from(text), (byte) => {
    const one = String.fromCharCode(byte)
    if (byte < 0x20 || byte > 0x7e || alsoShown.includes(one)) return show(byte)
    return one === "\\" ? "\\\\" : one
  }).join("")

// --- HTML ---

/** With the quotes as names, as decimal and as hexadecimal numbers, or as they are. */
export const html = (text: string): ReadonlyArray<string> => {
  const plain = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
  return quotes.flatMap(([double, single]) => {
    const shape = plain.replaceAll('"', double).replaceAll("'", single)
    return [
      shape,
      shape.replaceAll("/", "&#x2f;"),
      shape.replaceAll(/[^\0-\x7f]/gu, (one) => `&#${one.codePointAt(0)};`)
    ]
  })
}

const quotes = [
  ['"', "'"],
  ["&quot;", "'"],
  ["&quot;", "&#39;"],
  ["&quot;", "&#x27;"],
  ["&quot;", "&apos;"],
  ["&#34;", "&#39;"],
  ["&#x22;", "&#x27;"]
] as const
