/** Rhai at a terminal: `repl` for a conversation, `runFile` for a script. The host's functions are given from outside. */
import { Effect, type Scope } from "effect"
import { createInterface, type Interface } from "node:readline"
import { Engine, type EngineOptions } from "./Engine.ts"
import { toText } from "./language/Format.ts"
import { type Reply, Conversation } from "./Conversation.ts"
import { RhaiError } from "./language/RhaiError.ts"
import { run } from "./run.ts"
import { colours, noPaint, type Paint, showError } from "./showError.ts"

export interface ReplOptions {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Natives, limits, modules. `print` is the terminal's. */
  readonly engine?: EngineOptions
}

const paintFor = ({ environment, output }: ReplOptions): Paint => {
  const wanted = environment["NO_COLOR"] === undefined || environment["NO_COLOR"] === ""
  return wanted && output.isTTY === true && environment["TERM"] !== "dumb" ? colours : noPaint
}

const engineFor = (options: ReplOptions): Engine => {
  const write = (text: string): void => void options.output.write(`${text}\n`)
  return new Engine({ print: write, debug: write, ...options.engine })
}

const prompts = { ready: "rhai> ", more: "  ... " }

/** Talks until the input ends or `:quit`. */
export const repl = Effect.fnUntraced(function* (options: ReplOptions) {
  const paint = paintFor(options)
  const conversation = new Conversation(engineFor(options), paint)
  const terminal = yield* open(options, conversation)
  const interactive = options.output.isTTY === true
  if (interactive)
    options.output.write(`${paint.bold("Rhai")} ${paint.dim(":help for help, :quit to leave")}\n`)
  const lines = terminal[Symbol.asyncIterator]()
  let prompt = prompts.ready
  for (;;) {
    if (interactive) {
      terminal.setPrompt(paint.cyan(prompt))
      terminal.prompt()
    }
    const next = yield* Effect.promise(() => lines.next())
    if (next.done === true) break
    const reply = yield* Effect.raceFirst(conversation.line(next.value), interrupted(terminal))
    if (reply.text !== "") options.output.write(`${reply.text}\n`)
    if (reply.next === "quit") break
    prompt = prompts[reply.next]
  }
})

const open = (
  options: ReplOptions,
  conversation: Conversation
): Effect.Effect<Interface, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const terminal = createInterface({
        input: options.input,
        output: options.output,
        terminal: options.output.isTTY === true,
        historySize: 1000,
        removeHistoryDuplicates: true,
        completer: (line: string) => completed(line, conversation.completions())
      })
      // Ctrl-C drops what is being typed, and ends what is running
      terminal.on("SIGINT", () => {
        conversation.cancel()
        terminal.write(null, { ctrl: true, name: "u" })
        options.output.write("\n")
        terminal.setPrompt(prompts.ready)
        terminal.prompt()
      })
      return terminal
    }),
    (terminal) => Effect.sync(() => terminal.close())
  )

const interrupted = (terminal: Interface): Effect.Effect<Reply> =>
  Effect.callback((resume) => {
    const stop = (): void => resume(Effect.succeed({ text: "interrupted", next: "ready" }))
    terminal.once("SIGINT", stop)
    return Effect.sync(() => terminal.off("SIGINT", stop))
  })

const completed = (line: string, words: ReadonlyArray<string>): [Array<string>, string] => {
  const start = /[:\w]*$/.exec(line)?.[0] ?? ""
  return [start === "" ? [] : words.filter((word) => word.startsWith(start)).sort(), start]
}

/** Runs a script, writes its value if it has one, and answers with an exit code: 1 after an error, which is shown. */
export const runFile = (text: string, options: ReplOptions): Effect.Effect<number> => {
  const engine = engineFor(options)
  return Effect.try({
    try: () => engine.machine(engine.compile(text)),
    catch: (error) => (error instanceof RhaiError ? error : new RhaiError("ErrorSystem", String(error)))
  }).pipe(
    Effect.flatMap((machine) => run(machine)),
    Effect.match({
      onSuccess: (value) => {
        if (value !== undefined) options.output.write(`${toText(value)}\n`)
        return 0
      },
      onFailure: (error) => {
        options.output.write(`${showError(error, text, paintFor(options))}\n`)
        return 1
      }
    })
  )
}
