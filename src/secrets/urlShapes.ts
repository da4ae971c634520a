/** A secret in a URL: as libraries encode it on purpose, and as the URL standard writes what was put in as it is. */

export const url = (text: string): ReadonlyArray<string> => [
  ...encoded(text).flatMap((shape) => [shape, withSmallDigits(shape)]),
  ...standard(text)
]

/** `encodeURIComponent`, Python's `quote`, and forms of both: `*` and `~` are not the same in them. */
const encoded = (text: string): ReadonlyArray<string> => {
  const component = encodeURIComponent(text.toWellFormed())
  const strict = component.replaceAll(/[!'()*]/g, percent)
  const form = new URLSearchParams([["", text]]).toString().slice(1)
  return [
    component,
    strict,
    strict.replaceAll("%2F", "/"),
    strict.replaceAll("%20", "+"),
    form,
    encodeURI(text.toWellFormed())
  ]
}

const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

const withSmallDigits = (text: string): string =>
  text.replaceAll(/%[\dA-F]{2}/g, (code) => code.toLowerCase())

/** In a path, a query and the user's part: what is not allowed there is encoded, the rest is left. */
const standard = (text: string): ReadonlyArray<string> =>
  before.flatMap((start) => {
    if (!URL.canParse(start + text)) return []
    const all = new URL(start + text).href
    const written = all.slice(start.length)
    // What comes after a question mark and a number sign is written by other rules, and the last is not sent.
    return [written, written.split("#")[0] ?? "", ...written.split(/[?#]/)]
  })

/** The last has a scheme whose paths are not taken apart. */
const before = ["http://h/p", "http://h/?q=", "http://h/#f", "x:p"]
