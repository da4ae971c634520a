/** The pauses between attempts: doubled from the first to the longest, each 20 % shorter to 20 % longer by chance. */
import { type Duration, Schedule } from "effect"

export const backoff = (
  first: Duration.Input,
  longest: Duration.Input
): Schedule.Schedule<Duration.Duration> =>
  Schedule.min([Schedule.exponential(first), Schedule.spaced(longest)]).pipe(Schedule.jittered)
