/** Delivery → notification. The body of a message is the only thing here that comes from outside. */
import { Effect } from "effect"
import * as Notification from "../domain/Notification.ts"
import type { Delivery } from "../queue/MessageQueue.ts"

export const decode = (
  delivery: Delivery
): Effect.Effect<Notification.Notification, Notification.Undecodable> =>
  Effect.fromResult(Notification.decode(delivery.body))
