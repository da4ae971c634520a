/** Who we are to a NoETL server: a token and a client certificate, from files that may be rotated while we run. */
import { Redacted } from "effect"
import { readFileSync } from "node:fs"
import { buildConnector } from "undici"
import type { TlsFiles } from "../ControlPlane.ts"

/** The token as it is now. A file that cannot be read at the moment leaves the last one. */
export const tokenReader = (file: string | undefined, value: Redacted.Redacted | undefined) => {
  let last = value
  return (): Redacted.Redacted | undefined => {
    if (file === undefined) return value
    try {
      const text = readFileSync(file, "utf8").trim()
      if (text !== "" && (last === undefined || Redacted.value(last) !== text)) last = Redacted.make(text)
    } catch {
      // Between two versions of the file there may be none.
    }
    return last
  }
}

export const isEmpty = ({ caFile, certFile, keyFile }: TlsFiles): boolean =>
  caFile === undefined && certFile === undefined && keyFile === undefined

/** Opens connections with the certificates as they are at that moment. */
export const connectorOf =
  (files: TlsFiles): buildConnector.connector =>
  (options, callback) => {
    try {
      buildConnector(pemOf(files))(options, callback)
    } catch (cause) {
      callback(cause instanceof Error ? cause : new Error(String(cause)), null)
    }
  }

const pemOf = ({ caFile, certFile, keyFile }: TlsFiles) => ({
  ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
  ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
  ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) })
})
