/** `noetl demo`: an example playbook with a template, a loop, a retry, and a failure on purpose. */
import { Effect, Result } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { readPlaybook } from "../../local/catalog.ts"
import { CommandError } from "../errors.ts"
import { execute } from "./execute.ts"
import type { Input } from "./Input.ts"
import { print } from "../print.ts"

/** Beside the sources and beside the bundle. */
const places = ["../../../examples/playbooks/demo.yaml", "../examples/playbooks/demo.yaml"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url))
)

const input: Input = {
  ref: undefined,
  target: undefined,
  runtime: "local",
  set: [],
  payload: undefined,
  input: undefined,
  merge: false,
  credentials: undefined,
  catalog: [],
  dryRun: false,
  json: false,
  events: undefined,
  concurrency: 8,
  timeout: undefined,
  state: undefined,
  resume: false,
  strict: false,
  forceProfile: false,
  noNormalize: false,
  quiet: false,
  serve: false,
  watch: false,
  endpoint: undefined
}

export const demo = Effect.gen(function* () {
  const path = places.find((place) => existsSync(place))
  if (path === undefined)
    return yield* new CommandError({ message: `the example is not there: ${places.join(", ")}` })
  const read = readPlaybook(path)
  if (Result.isFailure(read)) return yield* new CommandError({ message: read.failure.message })
  const { playbook } = read.success
  if (playbook === undefined)
    return yield* new CommandError({ message: `${path} is not valid: noetl validate ${path}` })
  const report = yield* execute({
    input,
    playbook,
    read: read.success,
    target: undefined,
    payload: {},
    timeout: undefined,
    folders: []
  })
  const failed = report.failures.map(({ step }) => step)
  if (report.ending !== "failed" || failed.join() !== "on_purpose")
    return yield* new CommandError({ message: "the demonstration ended otherwise than it should: see above" })
  yield* print(nextSteps)
}).pipe(
  Effect.catchTags({
    PlaybookError: (error) => new CommandError({ message: error.message }),
    CredentialsFileError: (error) => new CommandError({ message: error.message })
  })
)

const nextSteps = `
That failure was on purpose: everything else ended as it should.

What to do next, in this folder (node src/noetl.ts is noetl from the sources):
  noetl run examples/playbooks/01-first-step.yaml --set name=Ada
  noetl run examples/playbooks/demo.yaml --set fail=false
  noetl run examples/playbooks/03-branches.yaml --dry-run
  noetl test examples/playbooks --only 0       check what the examples give
  noetl-worker demo                            the worker by itself, with its tree
and read docs/playbooks.md.
`
