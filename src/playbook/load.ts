/** Text of a file → the playbook, with everything that is wrong or worth a look. */
import { isObject } from "../domain/Json.ts"
import { build } from "./build.ts"
import { normalised } from "./normalise/index.ts"
import type { Playbook } from "./Playbook.ts"
import { hasErrors, type Problem, sorted, strict } from "./Problem.ts"
import { defaultLimits, type Limits, Source } from "./Source.ts"
import { validate } from "./validate/index.ts"

export interface LoadOptions {
  /** Warnings are errors. */
  readonly strict?: boolean
  /** Whether older dialects are understood; true unless said. */
  readonly normalise?: boolean
  readonly limits?: Limits
}

export interface Loaded {
  /** Undefined where there is an error. */
  readonly playbook: Playbook | undefined
  /** In the order of the file. */
  readonly problems: ReadonlyArray<Problem>
}

export const load = (file: string, text: string, options: LoadOptions = {}): Loaded => {
  const source = new Source(file, options.limits ?? defaultLimits)
  const document = source.read(text)
  if (document === undefined) return { playbook: undefined, problems: sorted(source.problems) }
  if (!isObject(document)) {
    source.report(
      "error",
      undefined,
      undefined,
      "the file is no playbook: it is not a mapping",
      "write apiVersion, kind, metadata and workflow"
    )
    return { playbook: undefined, problems: source.problems }
  }
  const root = options.normalise === false ? document : normalised(document, source)
  validate(root, source)
  const problems = sorted(options.strict === true ? strict(source.problems) : source.problems)
  return { playbook: hasErrors(problems) ? undefined : build(root, source), problems }
}
