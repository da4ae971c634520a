/** Updates metrics without an effect for each: for the path of every command. */
import type { Context, Metric } from "effect"

export const updater =
  (context: Context.Context<never>) =>
  <Input, State>(metric: Metric.Metric<Input, State>, input: Input): void =>
    metric.updateUnsafe(input, context)
