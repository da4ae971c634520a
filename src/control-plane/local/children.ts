/** Playbooks that a step starts. */
import { Effect } from "effect"
import type { ExecutionId } from "../../domain/Ids.ts"
import type { JsonObject } from "../../domain/Json.ts"
import { resultOf } from "../../playbook/engine/Engine.ts"
import type { State } from "../../playbook/engine/State.ts"
import type { ControlPlane } from "../ControlPlane.ts"
import { type Options, refused, type Source } from "./Options.ts"
import type { Registry, Row } from "./Registry.ts"
import type { Run } from "./Run.ts"
import type { Runs } from "./runs.ts"

type Children = Pick<ControlPlane["Service"], "startChild" | "childStatus" | "childResult">

/** How deep playbooks may start each other. */
const maxDepth = 16

export const make = (options: Options, registry: Registry, runs: Runs): Children => {
  /** The child that the same command started in an earlier process, where it ran the same playbook. */
  const earlierOf = (row: Row, { fingerprint }: Source) =>
    options.journals.kept.find(
      ({ head }) =>
        head.parent?.executionId === row.command.executionId &&
        head.parent.command === row.issued.id &&
        head.fingerprint === fingerprint &&
        !registry.adopted.has(head.executionId)
    )

  const startChild: Children["startChild"] = Effect.fnUntraced(function* ({ parent, path, payload }) {
    const operation = `start the playbook ${path}`
    const above = registry.runs.get(parent.executionId)
    if (above === undefined)
      return yield* Effect.fail(refused(operation, 404, "its parent does not run here"))
    if (depthOf(above, registry) >= maxDepth)
      return yield* Effect.fail(
        refused(operation, 409, `playbooks start each other more than ${maxDepth} deep`)
      )
    const source = yield* Effect.mapError(options.find(path, above.plan.playbook), (detail) =>
      refused(operation, 404, detail)
    )
    const row = parent.commandId === undefined ? undefined : registry.ofCommand(parent.commandId)
    const earlier = row === undefined ? undefined : earlierOf(row, source)
    const how = { payload, merge: false, target: undefined, timeout: undefined }
    const child = yield* earlier === undefined
      ? runs.start(source, how, { executionId: parent.executionId, command: row?.issued.id ?? "" })
      : runs.resume(source, earlier)
    row?.children.push(child.head.executionId)
    return { executionId: child.head.executionId as ExecutionId }
  })

  const find = (id: string, operation: string) => {
    const run = registry.runs.get(id)
    return run === undefined ? Effect.fail(refused(operation, 404, `no run ${id}`)) : Effect.succeed(run)
  }

  return {
    startChild,
    childStatus: (_parent, id) =>
      Effect.map(find(id, "ask about a playbook"), (run) => ({
        executionId: id,
        status: statusOf(run.state()),
        document: documentOf(run.state())
      })),
    childResult: (_parent, id, step) =>
      Effect.map(find(id, "read the result of a playbook"), (run) => resultOf(run.state(), step))
  }
}

const depthOf = (run: Run, registry: Registry): number => {
  const { parent } = run.head
  const above = parent === undefined ? undefined : registry.runs.get(parent.executionId)
  return above === undefined ? 1 : 1 + depthOf(above, registry)
}

const statusOf = ({ status }: State): "running" | "completed" | "failed" | "cancelled" =>
  status === "completed" || status === "failed" || status === "cancelled" ? status : "running"

/** Why a run failed, as its parent reads it. */
const documentOf = ({ failures, status }: State): JsonObject => ({
  status,
  error: failures.map(({ error, step }) => `${step}: ${error.message}`).join("; ")
})
