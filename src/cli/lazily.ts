/** Handlers are loaded when their command is the one: the worker must start fast. */
import { Effect } from "effect"

/** A file of this program that is not there is a defect. */
export const lazily = <M, A, E, R>(
  load: () => Promise<M>,
  use: (module: M) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => Effect.flatMap(Effect.promise(load), use)
