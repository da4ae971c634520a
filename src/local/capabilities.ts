/** What a playbook needs that this machine does not have, before anything runs. */
import type { Playbook } from "../playbook/Playbook.ts"
import type { Problem } from "../playbook/Problem.ts"
import { ownKinds } from "../playbook/vocabulary.ts"

/** Steps whose tool is known to the language and not to this runtime. They fail if they are reached. */
export const missingTools = (playbook: Playbook): ReadonlyArray<Problem> =>
  [...playbook.steps.values()].flatMap(({ kinds, line, name }) =>
    kinds
      .filter((kind) => !ownKinds.includes(kind) && kind !== "task_sequence")
      .map((kind): Problem => ({
        level: "warning",
        file: playbook.file,
        line,
        column: 1,
        key: name,
        problem: `this runtime has no tool ${kind}: the step fails if it is reached`,
        fix: `it has: ${ownKinds.join(", ")}`
      }))
  )
