/** Points in time. A script sees only how far apart they are. */
import type { Natives } from "../Natives.ts"
import { Float, Timestamp } from "../Value.ts"

export const time = (natives: Natives): void => {
  natives.pure("timestamp()", (_, context) => new Timestamp(context.now()))
  const elapsed = (from: Timestamp, now: number): Float => new Float(Math.max(0, now - from.millis) / 1000)
  natives.pure("elapsed(timestamp)", ([from], context) => elapsed(from as Timestamp, context.now()))
}
