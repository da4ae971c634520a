/**
 * Renders templates: Jinja's language over plain data.
 *
 * Everything is rendered exactly once. What a value contains is data: braces in an HTTP body are never run.
 * A string that is one lone `{{ expression }}` becomes the value of the expression, unchanged in kind; any other
 * template becomes text; a string without braces stays as it is.
 */
import { Context, Effect, Layer, Result } from "effect"
import { type Json, type JsonObject, parse } from "../domain/Json.ts"
import type { Template as Compiled } from "./ast.ts"
import { Budget, defaultLimits, type Limits } from "./Budget.ts"
import type { Demand } from "./Engine.ts"
import { execute } from "./execute.ts"
import { Fault, positionOf } from "./Fault.ts"
import type { Synonyms } from "./Interpreter.ts"
import { isTemplate } from "./lexer.ts"
import { Memory, Missing } from "./Memory.ts"
import { parseBare, parseTemplate } from "./parseTemplate.ts"
import { TemplateCache } from "./TemplateCache.ts"
import { TemplateError } from "./TemplateError.ts"
import { holdsAsCondition } from "./truth.ts"
import type { Literals, Value } from "./values.ts"
import { keychainReference, walk } from "./walk.ts"

export interface Rendering<E> {
  /** Where names are looked up: the first layer that has one wins. */
  readonly layers: ReadonlyArray<JsonObject>
  /** The dotted key of what is rendered, for errors. */
  readonly at?: string
  /** How booleans, none and lists print inside text. */
  readonly literals?: Literals
  /** Keys at the top of what is rendered whose text is Python's. */
  readonly pythonKeys?: ReadonlySet<string>
  readonly synonyms?: ReadonlyArray<Synonyms>
  /** Names that are values of tasks although they are reserved: their `.data` is the value itself. */
  readonly views?: ReadonlySet<string>
  /** Fetches what a template reads that is not in the layers. Without it such reads give nothing. */
  readonly resolve?: (demand: Demand) => Effect.Effect<Value, E>
}

export interface Options {
  readonly limits: Limits
  readonly cacheEntries: number
  readonly cacheCharacters: number
  /** Text that a template made is read as JSON where it is JSON, as with the Rust worker. */
  readonly retypeStrings: boolean
}

export const defaults: Options = {
  limits: defaultLimits,
  cacheEntries: 2_000,
  cacheCharacters: 8_000_000,
  retypeStrings: false
}

export class Template extends Context.Service<
  Template,
  {
    /** Renders every string in a value. Keys are not rendered. A member whose lone expression is undefined goes. */
    readonly render: <E = never>(
      value: Json,
      options: Rendering<E>
    ) => Effect.Effect<Value, TemplateError | E>
    /** Whether a condition holds: a boolean, a template, or a bare expression. */
    readonly holds: <E = never>(
      condition: Json,
      options: Rendering<E>
    ) => Effect.Effect<boolean, TemplateError | E>
  }
>()("noetl-worker/template/Template") {
  static readonly layerWith = (options: Partial<Options> = {}): Layer.Layer<Template> =>
    Layer.sync(Template, () => make({ ...defaults, ...options }))

  static readonly layer = Template.layerWith()
}

const make = (options: Options): Template["Service"] => {
  const cache = new TemplateCache(options.cacheEntries, options.cacheCharacters)
  const compile = compiler(cache, options.limits)

  const render = <E>(value: Json, rendering: Rendering<E>) =>
    attempt(rendering, options.limits, (run) =>
      walk(value, {
        at: rendering.at ?? "",
        pythonKeys: rendering.pythonKeys ?? noKeys,
        budget: run.budget,
        text: (source, at, python) => {
          const made = run.text(
            compile(source, at),
            source,
            at,
            python ? "python" : (rendering.literals ?? "text")
          )
          return options.retypeStrings && !python ? retyped(made) : made
        },
        reference: (holder) => keychainReference(holder, run.memory.demand)
      })
    )

  const holds = <E>(condition: Json, rendering: Rendering<E>) => {
    if (typeof condition !== "string") return Effect.succeed(holdsAsCondition(condition))
    const at = rendering.at ?? ""
    return Effect.map(
      attempt(rendering, options.limits, (run) =>
        run.text(compile(condition, at, !isTemplate(condition)), condition, at, rendering.literals ?? "text")
      ),
      holdsAsCondition
    )
  }

  return Template.of({ render, holds })
}

/** What is no JSON stays text. */
const retyped = (made: Value): Value =>
  typeof made === "string" ? Result.getOrElse(parse(made), () => made) : made

const noKeys: ReadonlySet<string> = new Set()

/** One try of a rendering. */
interface Run {
  readonly budget: Budget
  readonly memory: Memory
  readonly text: (template: Compiled, source: string, at: string, literals: Literals) => Value
}

/**
 * Renders, fetches what was found missing, and renders again: rendering has no effects, so doing it twice is doing it
 * once. Each round fetches everything that it missed, so that rounds are few.
 */
const attempt = <E>(
  rendering: Rendering<E>,
  limits: Limits,
  work: (run: Run) => Value
): Effect.Effect<Value, TemplateError | E> =>
  Effect.clockWith((clock) => {
    const memory = new Memory(rendering.resolve !== undefined)
    const now = () => clock.currentTimeMillisUnsafe()
    const round = (left: number): Effect.Effect<Value, TemplateError | E> =>
      Effect.suspend((): Effect.Effect<Value, TemplateError | E> => {
        const outcome = tryRound(rendering, limits, now, memory, work)
        if (outcome instanceof TemplateError) return Effect.fail(outcome)
        const { resolve } = rendering
        if (outcome !== missing || resolve === undefined)
          return Effect.succeed(outcome === missing ? undefined : outcome)
        if (left === 0) return Effect.fail(tooManyRounds(rendering.at ?? ""))
        return Effect.forEach(
          memory.takeMissing(),
          (demand) => Effect.map(resolve(demand), (value) => memory.remember(demand, value)),
          { concurrency: 8, discard: true }
        ).pipe(Effect.andThen(round(left - 1)))
      })
    return round(maxRounds)
  })

/** A reference inside a value that a reference led to, and so on. */
const maxRounds = 32

const missing: unique symbol = Symbol("missing")

const tooManyRounds = (at: string) =>
  new TemplateError({
    kind: "limit",
    at,
    detail: `references lead to references more than ${maxRounds} times`
  })

const tryRound = <E>(
  rendering: Rendering<E>,
  limits: Limits,
  now: () => number,
  memory: Memory,
  work: (run: Run) => Value
): Value | TemplateError | typeof missing => {
  const budget = new Budget(limits, now)
  const text: Run["text"] = (template, source, at, literals) => {
    try {
      const engine = { budget, literals, now, demand: memory.demand }
      return execute(
        {
          engine,
          layers: rendering.layers,
          synonyms: rendering.synonyms ?? [],
          views: rendering.views ?? noKeys
        },
        template
      )
    } catch (error) {
      // The other templates of this round go on, to find what they miss as well.
      if (error instanceof Missing) return undefined
      throw locate(error, source, at)
    }
  }
  try {
    const value = work({ budget, memory, text })
    return memory.isMissing ? missing : value
  } catch (error) {
    if (error instanceof Missing) return missing
    if (error instanceof TemplateError && memory.isMissing && error.kind !== "limit") return missing
    return locate(error, "", rendering.at ?? "")
  }
}

const compiler =
  (cache: TemplateCache, limits: Limits) =>
  (source: string, at: string, bare = false): Compiled => {
    try {
      if (source.length > limits.templateSize) {
        throw new Fault("limit", `the template is longer than ${limits.templateSize} characters`)
      }
      return cache.get(bare ? `= ${source}` : source, () =>
        bare ? parseBare(source) : parseTemplate(source)
      )
    } catch (error) {
      throw locate(error, source, at)
    }
  }

/** Anything that is thrown, as the one error of this port. What is no fault of the template's is a bug of ours. */
const locate = (error: unknown, source: string, at: string): TemplateError => {
  if (error instanceof TemplateError) return error
  if (!(error instanceof Fault)) throw error
  const { kind, message: detail, offset } = error
  return new TemplateError({ kind, at, detail, ...(offset === undefined ? {} : positionOf(source, offset)) })
}
