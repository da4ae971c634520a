/**
 * Finds the tool that a command names.
 *
 * `Toolbox.layer(ShellTool, HttpTool)` asks the context for each tool, so a missing one does not compile and a
 * mocked one is just another layer.
 */
import { Context, Effect, Layer, type Scope, type Tracer } from "effect"
import { HttpTraceContext } from "effect/http"
import type { ToolResult } from "../domain/ToolResult.ts"
import * as Spans from "../telemetry/spans.ts"
import * as Breakers from "./breaker/Breakers.ts"
import type { Declaration, Tool, ToolCall } from "./Tool.ts"
import { ToolError, UnknownTool } from "../domain/ToolError.ts"

export class Toolbox extends Context.Service<
  Toolbox,
  {
    /** Every kind that can be run, aliases included, sorted. */
    readonly kinds: ReadonlyArray<string>
    readonly run: (call: ToolCall) => Effect.Effect<ToolResult, ToolError, Scope.Scope>
    /** What the tool of a kind asks of the pipeline; nothing where the toolbox has no such tool. */
    readonly declarationOf: (kind: string) => Declaration
    /** The tools that have work besides commands. */
    readonly maintenance: ReadonlyArray<{ readonly kind: string; readonly run: Effect.Effect<never> }>
  }
>()("noetl-worker/tools/Toolbox") {
  /** A toolbox of the tools named; each is taken from the context. */
  static readonly layer = <const Tags extends ReadonlyArray<ToolTag>>(
    ...tags: Tags
  ): Layer.Layer<Toolbox, never, Tags[number]["Identifier"]> =>
    Layer.effectContext(
      Effect.contextWith((context: Context.Context<Tags[number]["Identifier"]>) =>
        Effect.gen(function* () {
          const tools = tags.map((tag) =>
            Context.getUnsafe(context, tag as unknown as Context.Key<unknown, Tool>)
          )
          const toolbox = of(tools, yield* Spans.areTaken)
          // Given once, with the toolbox: one for each call would be a new context for each call.
          return Context.make(Toolbox, toolbox).pipe(Context.add(Breakers.Breakers, yield* Breakers.make))
        })
      )
    )

  /** The same, each tool with the `layer` it brings. */
  static readonly layerLive = <const Tags extends ReadonlyArray<ToolTagWithLayer>>(
    ...tags: Tags
  ): Layer.Layer<Toolbox, Layer.Error<Tags[number]["layer"]>, Layer.Services<Tags[number]["layer"]>> => {
    const layers = tags.map((tag) => tag.layer) as unknown as [Layer.Layer<never>]
    return Toolbox.layer(...tags).pipe(Layer.provide(Layer.mergeAll(...layers))) as Layer.Layer<
      Toolbox,
      Layer.Error<Tags[number]["layer"]>,
      Layer.Services<Tags[number]["layer"]>
    >
  }
}

/** The class of a tool: a service whose shape is `Tool`. */
export interface ToolTag {
  readonly key: string
  readonly Identifier: unknown
  readonly Service: Tool
}

/** A tool class with the layer it brings. */
export interface ToolTagWithLayer extends ToolTag {
  readonly layer: Layer.Any
}

// --- helpers ---

/** Requests of the tool belong below its span, or below the span of the message where this one is not sampled. */
const within = (span: Tracer.Span, call: ToolCall): ToolCall => {
  const elsewhere = call.traceparent !== undefined && !call.traceparent.includes(span.traceId)
  if (!span.sampled || elsewhere) return call
  return { ...call, traceparent: HttpTraceContext.toHeaders(span)["traceparent"] }
}

/** One span for each call of a tool, below that of its command. */
const spanOf = (call: ToolCall) => ({
  attributes: { "noetl.tool": call.kind, "noetl.step": call.step },
  captureStackTrace: false
})

const spanned = (tool: Tool, call: ToolCall) =>
  Effect.withSpan(
    Effect.flatMap(Effect.orDie(Effect.currentSpan), (span) => tool.run(within(span, call))),
    "tool",
    spanOf(call)
  )

const of = (tools: ReadonlyArray<Tool>, isTraced: boolean): Toolbox["Service"] => {
  const byKind = new Map(
    tools.flatMap((tool) => [tool.kind, ...tool.aliases].map((kind): [string, Tool] => [kind, tool]))
  )
  const kinds = [...byKind.keys()].toSorted()
  return Toolbox.of({
    kinds,
    declarationOf: (kind) => byKind.get(kind) ?? {},
    maintenance: tools.flatMap(({ kind, maintenance }) =>
      maintenance === undefined ? [] : [{ kind, run: maintenance }]
    ),
    run: (call) => {
      const tool = byKind.get(call.kind)
      if (tool === undefined)
        return Effect.fail(new ToolError({ tool: call.kind, reason: new UnknownTool({ known: kinds }) }))
      return isTraced ? spanned(tool, call) : tool.run(call)
    }
  })
}
