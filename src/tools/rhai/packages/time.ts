/** Points in time. A script sees only how far apart they are. */
import type { Natives } from "../machine/Natives.ts"
import { arithmeticError } from "../language/RhaiError.ts"
import { Float, Timestamp } from "../language/Value.ts"

export const time = (natives: Natives): void => {
  natives
    .pure("timestamp()", (_, context) => new Timestamp(context.now(), () => context.now()))
    .property("elapsed", "timestamp", (from: Timestamp) => {
      const now = from.now()
      if (from.millis > now) throw arithmeticError("Time-stamp is later than now")
      return new Float((now - from.millis) / 1000)
    })
}
