/** `noetl test`: playbooks of a folder against what they must give. */
import { Effect } from "effect"
import { stringify } from "../../domain/Json.ts"
import { expectationsIn, runOne, type Verdict } from "../../local/expectations/runFolder.ts"
import { elapsed } from "../../local/progress/text.ts"
import { ReportedError, UsageError } from "../errors.ts"
import { leave } from "../signals.ts"
import { loadConfig } from "../sources.ts"
import { styleOf } from "../style.ts"
import { telemetry } from "../worker.ts"
import { foldersOf } from "./catalog.ts"
import { credentialPlaces } from "./credentialPlaces.ts"
import { print } from "../print.ts"

export interface Input {
  readonly folder: string
  readonly only: string | undefined
  readonly catalog: ReadonlyArray<string>
  readonly credentials: string | undefined
  readonly concurrency: number
  readonly json: boolean
}

export const test = Effect.fnUntraced(function* (input: Input) {
  const loaded = yield* loadConfig
  const all = yield* expectationsIn(input.folder).pipe(
    Effect.mapError((error) => new UsageError({ message: error.message }))
  )
  const wanted = all.filter(({ name, playbook }) => (name ?? playbook).includes(input.only ?? ""))
  if (wanted.length === 0)
    return yield* new UsageError({ message: `nothing in ${input.folder} has the name ${input.only ?? ""}` })
  const tools = yield* Effect.promise(() => import("../../local/tools.ts"))
  const base = {
    values: loaded.values,
    tools: tools.layer,
    concurrency: Math.max(1, input.concurrency),
    strict: false,
    normalise: true,
    catalogs: [input.folder, ...foldersOf(input.catalog)],
    ...credentialPlaces(input.credentials, loaded.values),
    timeout: undefined,
    env: {}
  }
  const verdicts: Array<Verdict> = []
  for (const one of wanted) {
    const verdict = yield* runOne(input.folder, one, base, process.env).pipe(
      Effect.catchTags({
        PlaybookError: (error) => Effect.succeed(broken(one.name ?? one.playbook, error.message)),
        CredentialsFileError: (error) => new UsageError({ message: error.message })
      }),
      Effect.provide(telemetry({ ...loaded, values: { ...loaded.values, logLevel: "error" } }))
    )
    verdicts.push(verdict)
    if (!input.json) yield* print(`${textOf(verdict)}\n`)
  }
  const failed = verdicts.filter(isFailed).length
  yield* print(
    input.json ? `${stringify(verdicts, 2)}\n` : `${verdicts.length - failed} passed, ${failed} failed\n`
  )
  if (failed > 0) return yield* new ReportedError({ code: 1 })
  return yield* leave
})

const broken = (name: string, found: string): Verdict => ({
  name,
  millis: 0,
  checks: [{ what: "the playbook runs", ok: false, found }]
})

const isFailed = ({ checks }: Verdict): boolean => checks.some(({ ok }) => !ok)

const textOf = (verdict: Verdict): string => {
  const style = styleOf(process.stdout)
  const mark = isFailed(verdict) ? style.red("✗") : style.green("✓")
  const wrong = verdict.checks.filter(({ ok }) => !ok)
  return [
    `${mark} ${verdict.name} ${style.dim(elapsed(verdict.millis))}`,
    ...wrong.map(({ found, what }) => `    expected ${what}\n    found    ${found ?? "nothing"}`)
  ].join("\n")
}
