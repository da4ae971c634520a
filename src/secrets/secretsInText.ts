/** The secrets inside a text that is known to have some: a URL, a connection string, a header, a key's file. */
import { isObject, type Json, parse } from "../domain/Json.ts"
import { percentDecoded } from "../domain/percentDecoded.ts"
import { shortest } from "./Registry.ts"

/** The parts of a text that are secrets by themselves; the text itself is not among them. */
export const secretsInText = (text: string): ReadonlyArray<string> => {
  if (text.length > longestText) return []
  const parts = [
    ...inUrls(text),
    ...inPairs(text),
    ...inHeader(text),
    ...inDocument(text, 0),
    ...inLines(text)
  ]
  // The padding of base64 is left out here and there.
  return [...new Set(parts.flatMap((part) => [part, part.replace(/(=|%3D)+$/i, "")]))].filter(
    (part) => part.trim().length >= shortest && part !== text
  )
}

const longestText = 64 * 1024

/** Whether a name is that of a secret. */
export const hasSecretName = (name: string): boolean => secretName.test(name) && !harmlessName.test(name)

const secretName =
  /passw(or)?d|passphrase|(^|[_-])(pass|pwd)$|secret|token$|api[_-]?key|(access|account|private|shared|signing|encryption)[_-]?key|authorization|credential$|^sig$|signature|^code$|^key$|cookie|dsn$|connection[_-]?string/i
const harmlessName =
  /page[_-]?token|next[_-]?token|continuation|cursor|public[_-]?key|key[_-]?id|token[_-]?(type|ur[il])/i

/** Whether a URL has a part that cannot be guessed: it is a key to what it leads to. */
export const looksSecret = (url: string): boolean =>
  inUrls(url).length > 0 ||
  /\/\/[\w.-]*hooks?[\w.-]*\/./i.test(url) ||
  /[?&](sig|signature|code|token|key)=/i.test(url)

// --- URLs ---

/** Bounded, because a scheme may begin at every letter of a long word. */
const oneUrl = /[a-z][a-z\d+.-]{0,20}:\/\/[^\s"'<>]+/gi

const inUrls = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(oneUrl)].flatMap(([url]) => url.split(/,(?=[a-z][a-z\d+.-]{0,20}:\/\/)/i)).flatMap(inUrl)

const inUrl = (url: string): ReadonlyArray<string> => {
  const [, rest = ""] = url.split(/:\/\/(.*)/s)
  const [, authority = "", path = "", query = ""] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(rest) ?? []
  const at = authority.lastIndexOf("@")
  const user = at < 0 ? "" : authority.slice(0, at)
  const colon = user.indexOf(":")
  const parts = [
    ...(colon < 0 ? [user].filter(isOpaque) : [user.slice(colon + 1)]),
    ...path.split("/").filter(isOpaque),
    ...[...query.matchAll(/[?&#;]([^=&#;?]{0,200})=([^&#;]*)/g)].flatMap(([, name = "", value = ""]) =>
      hasSecretName(name) || isOpaque(value) ? [value] : []
    )
  ]
  return parts.flatMap((part) => [part, percentDecoded(part)])
}

/** Text that was made by chance, as far as that can be seen: no word, no version, no date. */
const isOpaque = (part: string): boolean => {
  const text = percentDecoded(part)
  if (!/^[\w.~:+/=-]{10,}$/.test(text) || /^[\d.:TZ-]+$/.test(text)) return false
  const digits = text.replaceAll(/\D/g, "").length
  const turns = text.match(/[a-z][A-Z]|\d[A-Za-z]|[A-Za-z]\d/g)?.length ?? 0
  return (
    (digits >= 2 && turns >= 2) ||
    (text.length >= 16 && turns >= 3) ||
    (text.length >= 32 && !/[.-]/.test(text))
  )
}

// --- connection strings ---

/** `password='it\'s'`, `Password=it is;`, `AccountKey=…==;` */
const inPairs = (text: string): ReadonlyArray<string> => {
  const value = text.includes(";") ? `[^;]*` : `[^\\s&,]+`
  const pair = new RegExp(
    `(?:^|[\\s;&,{])([\\w.-]{1,100}(?: [\\w]{1,100})?)\\s*=\\s*('(?:[^'\\\\]|\\\\.|'')*'|"(?:[^"\\\\]|\\\\.|"")*"|${value})`,
    "g"
  )
  return [...text.matchAll(pair)].flatMap(([, name = "", written = ""]) =>
    hasSecretName(name.replaceAll(" ", "_")) || /^(session|sid|auth)$/i.test(name)
      ? [written, unquoted(written), percentDecoded(written)]
      : []
  )
}

const unquoted = (text: string): string => {
  const [, quote, inner] = /^(['"])(.*)\1$/s.exec(text) ?? []
  return quote === undefined || inner === undefined
    ? text.replaceAll(/\\(.)/gs, "$1")
    : inner.replaceAll(quote + quote, quote).replaceAll(/\\(.)/gs, "$1")
}

// --- headers ---

const inHeader = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/\b(bearer|basic|token|apikey|digest)(?:\s+|%20)([\w.~+/=%-]{6,})/gi)].flatMap(
    ([, scheme = "", value = ""]) => {
      if (scheme.toLowerCase() !== "basic") return [value]
      const both = Buffer.from(percentDecoded(value), "base64").toString("utf8")
      return both.includes(":") ? [value, both, both.slice(both.indexOf(":") + 1)] : [value]
    }
  )

// --- documents ---

/** A key's file as JSON or as base64 of it: its members are used one by one. */
const inDocument = (text: string, depth: number): ReadonlyArray<string> => {
  if (depth > 3) return []
  if (/^\s*[{[]/.test(text)) {
    const parsed = parse(text)
    return parsed._tag === "Success" ? inJson(parsed.success, depth) : []
  }
  if (text.length < 40 || !/^[\w+/\s-]+=*\s*$/.test(text)) return []
  const decoded = Buffer.from(text, "base64").toString("utf8")
  return /^\s*\{|^-----BEGIN/.test(decoded) && !decoded.includes("\ufffd")
    ? [decoded, ...inDocument(decoded, depth + 1)]
    : []
}

const inJson = (value: Json, depth: number): ReadonlyArray<string> => {
  if (!isObject(value)) return Array.isArray(value) ? value.flatMap((item: Json) => inJson(item, depth)) : []
  return Object.entries(value).flatMap(([key, member]) => {
    if (typeof member !== "string") return inJson(member ?? null, depth)
    return hasSecretName(key) ? [member, ...inDocument(member, depth + 1)] : inUrls(member)
  })
}

/** A key whose line ends were written as two characters. */
const inLines = (text: string): ReadonlyArray<string> =>
  text.includes("-----BEGIN") && text.includes("\\n") ? [text.replaceAll("\\n", "\n")] : []
