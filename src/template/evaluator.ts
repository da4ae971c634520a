/**
 * Renders at once what is here already. A read of something that must be fetched throws `Missing` and leaves the demand
 * in the memory: its caller fetches, and does the same again, since rendering has no effects.
 */
import type { Json, JsonObject } from "../domain/Json.ts"
import type { Template as Compiled } from "./ast.ts"
import { Budget, defaultLimits } from "./Budget.ts"
import { execute } from "./execute.ts"
import { Fault, positionOf } from "./Fault.ts"
import type { Synonyms } from "./Interpreter.ts"
import { isTemplate } from "./lexer.ts"
import type { Memory } from "./Memory.ts"
import { parseBare, parseTemplate } from "./parseTemplate.ts"
import { TemplateCache } from "./TemplateCache.ts"
import { TemplateError } from "./TemplateError.ts"
import { holdsAsCondition } from "./truth.ts"
import type { Value } from "./values.ts"
import { keychainReference, walk } from "./walk.ts"

export interface Scope {
  /** Where names are looked up: the first layer that has one wins. */
  readonly layers: ReadonlyArray<JsonObject>
  readonly memory: Memory
  /** Milliseconds since 1970, for `now()`. It stands still, so that the same rendering gives the same value. */
  readonly now: number
  readonly synonyms?: ReadonlyArray<Synonyms>
  readonly views?: ReadonlySet<string>
}

export interface Evaluator {
  /** Every string of a value rendered; throws a `TemplateError` or `Missing`. */
  readonly render: (value: Json, scope: Scope, at: string) => Value
  /** Whether a condition holds; throws the same. */
  readonly holds: (condition: Json, scope: Scope, at: string) => boolean
  /** A condition as it was read, for what it names; undefined where it is no expression. */
  readonly read: (condition: string) => Compiled
}

export const make = (): Evaluator => {
  const cache = new TemplateCache(5_000, 16_000_000)
  const read = (source: string): Compiled =>
    isTemplate(source)
      ? cache.get(source, () => parseTemplate(source))
      : cache.get(`= ${source}`, () => parseBare(source))

  const text = (
    template: () => Compiled,
    source: string,
    at: string,
    scope: Scope,
    budget: Budget
  ): Value => {
    try {
      const engine = { budget, literals: "text", now: () => scope.now, demand: scope.memory.demand } as const
      const { layers, synonyms = [], views = noNames } = scope
      return execute({ engine, layers, synonyms, views }, template())
    } catch (error) {
      throw error instanceof Fault ? located(error, source, at) : error
    }
  }

  return {
    read,
    render: (value, scope, at) => {
      const budget = new Budget(defaultLimits, () => scope.now)
      return walk(value, {
        at,
        pythonKeys: noNames,
        budget,
        text: (source, place) => text(() => read(source), source, place, scope, budget),
        reference: (holder) => keychainReference(holder, scope.memory.demand)
      })
    },
    holds: (condition, scope, at) => {
      if (typeof condition !== "string") return holdsAsCondition(condition)
      const budget = new Budget(defaultLimits, () => scope.now)
      return holdsAsCondition(text(() => read(condition), condition, at, scope, budget))
    }
  }
}

const noNames: ReadonlySet<string> = new Set()

const located = ({ kind, message: detail, offset }: Fault, source: string, at: string): TemplateError =>
  new TemplateError({ kind, at, detail, ...(offset === undefined ? {} : positionOf(source, offset)) })
