import { Effect, Layer, Redacted } from "effect"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import { Backstage, suite } from "../../src/testing/suites/ControlPlaneSuite.ts"

const backstage = Layer.effect(
  Backstage,
  Effect.map(MemoryControlPlane, (plane) =>
    Backstage.of({
      issue: plane.issue,
      takeAway: (command, by) => plane.takeAway(command.commandId, by),
      cancel: plane.cancel,
      events: (command) => plane.eventsOf(command.commandId),
      ending: (command) =>
        Effect.map(plane.endingOf(command.commandId), (ending) =>
          ending?.status === "completed" ? ending.value : ending?.error
        ),
      workers: Effect.map(plane.log, (lines) => {
        const last = lines
          .map((line) => line.what)
          .findLast((what) => what === "register" || what === "deregister")
        return last === "register" ? ["memory-worker"] : []
      })
    })
  )
)

const pg = { name: "pg", type: "postgres", data: Redacted.make({ password: "pencil" }) }

suite("MemoryControlPlane", Layer.provideMerge(backstage, MemoryControlPlane.layer({ credentials: [pg] })))
