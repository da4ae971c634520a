/** What a command was asked for goes to stdout. */
import { Effect } from "effect"

export const print = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(text))
