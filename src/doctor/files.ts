/** The files that settings name. */
import { Effect } from "effect"
import { createPrivateKey, X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { parse as parseYaml } from "yaml"
import type { Values } from "../config/settings.ts"
import { type Check, type Finding, fullMessageOf, ok, problem, warning } from "../domain/Finding.ts"

export const files =
  (values: Values): Check =>
  (now) =>
    Effect.gen(function* () {
      const named: ReadonlyArray<NamedFile> = [
        { name: "NATS_NKEY_FILE", path: values.natsNkey },
        { name: "NATS_CREDS_FILE", path: values.natsCreds },
        { name: "NATS_CA_FILE", path: values.natsCa },
        { name: "NOETL_TLS_CA", path: values.serverCa },
        { name: "NOETL_SERVER_TOKEN_FILE", path: values.serverTokenFile }
      ]
      const plain = yield* Effect.forEach(named, readable)
      const nats = yield* pair(
        { name: "NATS_CERT_FILE", path: values.natsCert },
        { name: "NATS_KEY_FILE", path: values.natsKey },
        now
      )
      const server = yield* pair(
        { name: "NOETL_TLS_CLIENT_CERT", path: values.serverCert },
        { name: "NOETL_TLS_CLIENT_KEY", path: values.serverKey },
        now
      )
      const credentials = yield* yaml({ name: "NOETL_CREDENTIALS_FILE", path: values.credentialsFile })
      return [...plain.flat(), ...nats, ...server, ...credentials]
    })

/** A file that a setting names and that must be readable. */
interface NamedFile {
  readonly name: string
  readonly path: string | undefined
}

const text = (path: string) =>
  Effect.tryPromise({ try: () => readFile(path, "utf8"), catch: (cause) => fullMessageOf(cause) })

const readable = ({ name, path }: NamedFile): Effect.Effect<ReadonlyArray<Finding>> =>
  path === undefined
    ? Effect.succeed([])
    : text(path).pipe(
        Effect.map((content) =>
          content.trim() === ""
            ? [problem(name, `the file ${path} is empty`, "put into it what the setting is for")]
            : [ok(name, `${path} can be read`)]
        ),
        Effect.catch((cause) =>
          Effect.succeed([
            problem(
              name,
              `the file cannot be read: ${cause}`,
              `mount it, or correct ${name} and the file's rights`
            )
          ])
        )
      )

/** A certificate and its key belong together, and the certificate has a time. */
const pair = (cert: NamedFile, key: NamedFile, now: number) =>
  Effect.gen(function* () {
    if (cert.path === undefined && key.path === undefined) return []
    if (cert.path === undefined || key.path === undefined) {
      const missing = cert.path === undefined ? cert.name : key.name
      return [
        problem(missing, "a certificate needs its key, and a key its certificate", `set ${missing} as well`)
      ]
    }
    const found = [...(yield* readable(cert)), ...(yield* readable(key))]
    if (found.some(({ level }) => level !== "ok")) return found
    const judged = yield* Effect.all([text(cert.path), text(key.path)]).pipe(
      Effect.flatMap(([certificate, secret]) =>
        Effect.try({
          try: () => judge(cert, key, new X509Certificate(certificate), secret, now),
          catch: fullMessageOf
        })
      ),
      Effect.catch((cause) =>
        Effect.succeed([problem(cert.name, `certificate or key is no PEM: ${cause}`, "replace both files")])
      )
    )
    return [...found, ...judged]
  })

const judge = (
  cert: NamedFile,
  key: NamedFile,
  certificate: X509Certificate,
  secret: string,
  now: number
): ReadonlyArray<Finding> => {
  const ends = Date.parse(certificate.validTo)
  if (!certificate.checkPrivateKey(createPrivateKey(secret))) {
    return [problem(key.name, "the key is not the certificate's", "put the pair that was issued together")]
  }
  if (ends < now) {
    return [problem(cert.name, `the certificate ended on ${certificate.validTo}`, "issue a new one")]
  }
  return ends - now < 7 * 86_400_000
    ? [warning(cert.name, `the certificate ends on ${certificate.validTo}`, "issue the next one in time")]
    : []
}

const yaml = (file: NamedFile) =>
  Effect.gen(function* () {
    const found = yield* readable(file)
    const { name, path } = file
    if (path === undefined || found.some(({ level }) => level !== "ok")) return found
    return yield* Effect.flatMap(text(path), (content) =>
      Effect.try({ try: (): unknown => parseYaml(content, { maxAliasCount: 100 }), catch: fullMessageOf })
    ).pipe(
      Effect.as(found),
      Effect.catch((cause) =>
        Effect.succeed([
          problem(name, `${path} is neither YAML nor JSON: ${cause}`, "correct the place that is named")
        ])
      )
    )
  })
