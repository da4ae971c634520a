/** Whether spans go anywhere. Making them costs every command a context, an object and a reading of the clock each. */
import { Effect, References, Tracer } from "effect"

/** False without a tracer of the composition: Effect's own one keeps spans in memory and gives them to no exporter. */
export const areTaken: Effect.Effect<boolean> = Effect.contextWith((context) =>
  Effect.map(References.TracerEnabled, (enabled) => enabled && context.mapUnsafe.has(Tracer.TracerKey))
)
