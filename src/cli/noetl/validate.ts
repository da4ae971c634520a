/** `noetl validate`: everything that is wrong with playbooks. */
import { Effect, Result } from "effect"
import { statSync } from "node:fs"
import { stringify } from "../../domain/Json.ts"
import { entriesIn, readPlaybook } from "../../local/catalog.ts"
import { missingTools } from "../../local/capabilities.ts"
import { hasErrors, type Problem, sorted, textOf } from "../../playbook/Problem.ts"
import { ReportedError } from "../errors.ts"
import { print } from "../print.ts"

export const validate = Effect.fnUntraced(function* (input: {
  readonly files: ReadonlyArray<string>
  readonly strict: boolean
  readonly json: boolean
}) {
  const files = input.files.flatMap((name) =>
    isFolder(name) ? entriesIn([name]).map(({ file }) => file) : [name]
  )
  const found = files.map((file) => [file, problemsOf(file, input.strict)] as const)
  const wrong = found.filter(([, problems]) => hasErrors(problems)).length
  const lines = input.json
    ? [
        stringify(
          found.map(([file, problems]) => ({ file, valid: !hasErrors(problems), problems })),
          2
        )
      ]
    : [...found.flatMap(([, problems]) => problems.map(textOf)), summary(found.length, wrong)]
  yield* print(`${lines.join("\n")}\n`)
  if (wrong > 0 || files.length === 0) return yield* new ReportedError({ code: 2 })
})

const isFolder = (name: string): boolean => statSync(name, { throwIfNoEntry: false })?.isDirectory() === true

const summary = (count: number, wrong: number): string => {
  if (count === 0) return "there is no playbook"
  const playbooks = `${count} ${count === 1 ? "playbook" : "playbooks"}`
  return wrong === 0 ? `${playbooks}: valid` : `${playbooks}: ${wrong} with errors`
}

const problemsOf = (file: string, strict: boolean): ReadonlyArray<Problem> => {
  const read = readPlaybook(file, { strict })
  if (Result.isFailure(read))
    return [
      { level: "error", file, line: 0, column: 0, key: "", problem: read.failure.message, fix: undefined }
    ]
  const { playbook, problems } = read.success
  return sorted([...problems, ...(playbook === undefined ? [] : missingTools(playbook))])
}
