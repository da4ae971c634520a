/** The Role of k8s/base as a function: what it does not grant is forbidden, as the real authoriser has it. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"

interface Rule {
  readonly apiGroups: ReadonlyArray<string>
  readonly resources: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<string>
}

export interface Wanted {
  readonly group: string
  readonly resource: string
  readonly verb: string
}

/** `files` are of the project's manifests, each with Roles. */
export const projectRole = (files: ReadonlyArray<string>): ((wanted: Wanted) => boolean) => {
  const documents = files
    .flatMap((file) => parseAllDocuments(readFileSync(join(import.meta.dirname, "../..", file), "utf8")))
    .map((one) => one.toJS() as { kind: string; rules?: Array<Rule> })
  const rules = documents.filter(({ kind }) => kind === "Role").flatMap((role) => role.rules ?? [])
  return ({ group, resource, verb }) =>
    rules.some(
      (rule) =>
        rule.apiGroups.includes(group) && rule.resources.includes(resource) && rule.verbs.includes(verb)
    )
}
