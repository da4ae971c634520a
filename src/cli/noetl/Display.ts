/** What a person sees while a playbook runs: a tree that is redrawn on a terminal, lines everywhere else. */
import { Clock, Effect } from "effect"
import type { RunEvent } from "../../control-plane/local/Run.ts"
import { Model } from "../../local/progress/Model.ts"
import * as Lines from "../../local/progress/lines.ts"
import { Painter } from "../../local/progress/Painter.ts"
import type { Playbook } from "../../playbook/Playbook.ts"

export interface DisplayOptions {
  readonly stream: NodeJS.WriteStream
  readonly playbook: Playbook
  readonly target: string | undefined
  readonly verbose: boolean
  readonly quiet: boolean
}

export interface Display {
  readonly onEvent: (event: RunEvent) => void
  readonly onOutput: (step: string, text: string) => void
  /** Redraws the tree for ever; interrupted when the run has ended. */
  readonly paint: Effect.Effect<never>
  /** The last frame, and the lines that stay below it. */
  readonly finish: (text: string) => Effect.Effect<void>
}

/** Whether colours and emoji are wanted there. */
export const isRich = (stream: { readonly isTTY?: boolean }): boolean =>
  stream.isTTY === true && process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb"

export const make = (options: DisplayOptions): Display =>
  options.stream.isTTY && !options.quiet && process.env["TERM"] !== "dumb" ? tree(options) : lines(options)

const tree = ({ stream, verbose }: DisplayOptions): Display => {
  const model = new Model()
  const painter = new Painter({
    write: (text) => void stream.write(text),
    look: () => ({ columns: stream.columns, rows: stream.rows, rich: isRich(stream) })
  })
  const now = Effect.map(Clock.currentTimeMillis, (at) => painter.paint(model, at))
  return {
    onEvent: (event) => model.apply(event),
    onOutput: (step, text) => {
      if (verbose) painter.print(prefixed(step, text))
    },
    paint: Effect.forever(Effect.andThen(now, Effect.sleep("100 millis"))),
    finish: (text) =>
      Effect.andThen(
        now,
        Effect.sync(() => void stream.write(`${text}\n`))
      )
  }
}

const lines = ({ playbook, quiet, stream, target, verbose }: DisplayOptions): Display => {
  const rich = isRich(stream)
  const print = (text: string) => void stream.write(`${text}\n`)
  if (!quiet) {
    print(`${rich ? "📋 " : ""}Running playbook: ${playbook.name}`)
    if (target !== undefined) print(`   ${rich ? "🎯 " : ""}Target: ${target}`)
  }
  const write = Lines.writer({ verbose, rich, descriptionOf: (step) => playbook.steps.get(step)?.desc })
  return {
    onEvent: (event) => {
      const text = quiet || event.isReplayed ? undefined : write(event)
      if (text !== undefined) print(text)
    },
    onOutput: (step, text) => {
      if (verbose && !quiet) print(prefixed(step, text))
    },
    paint: Effect.never,
    finish: (text) => Effect.sync(() => print(text))
  }
}

const prefixed = (step: string, text: string): string =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => `   ${step} │ ${line}`)
    .join("\n")
