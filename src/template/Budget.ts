/**
 * What one rendering may cost. Every step of the interpreter spends from it, and whatever touches text or lists
 * spends in proportion to their size, so that a small template cannot do a lot of work or make a lot of text.
 */
import { limit } from "./Fault.ts"

export interface Limits {
  /** Characters of one template. */
  readonly templateSize: number
  /** Characters of text that one rendering may produce, pieces that are thrown away again included. */
  readonly outputSize: number
  /** Steps of the interpreter: about 5 to 20 million a second. */
  readonly steps: number
  /** Times that a loop body runs, all loops of a rendering together. */
  readonly iterations: number
  /** Wall time. */
  readonly millis: number
}

export const defaultLimits: Limits = {
  templateSize: 1024 * 1024,
  outputSize: 128 * 1024 * 1024,
  steps: 5_000_000,
  iterations: 250_000,
  millis: 2_000
}

/** How many characters or items one step stands for. */
const charactersPerStep = 256
const itemsPerStep = 4

export class Budget {
  private steps: number
  private output: number
  private iterations: number
  private nextLook: number
  private readonly deadline: number
  private readonly limits: Limits
  private readonly now: () => number

  constructor(limits: Limits, now: () => number) {
    this.limits = limits
    this.now = now
    this.steps = limits.steps
    this.output = limits.outputSize
    this.iterations = limits.iterations
    this.nextLook = limits.steps - stepsBetweenLooks
    this.deadline = now() + limits.millis
  }

  step(count = 1): void {
    this.steps -= count
    if (this.steps > this.nextLook) return
    if (this.steps < 0) throw limit(`the template takes more than ${this.limits.steps} steps`)
    this.nextLook = this.steps - stepsBetweenLooks
    if (this.now() > this.deadline) throw limit(`the template runs for more than ${this.limits.millis} ms`)
  }

  /** A walk over text. */
  characters(count: number): void {
    this.step(1 + Math.floor(count / charactersPerStep))
  }

  /** A walk over a list or a mapping. */
  items(count: number): void {
    this.step(1 + Math.floor(count / itemsPerStep))
  }

  /** Text that did not exist before. Called before it is made, where its size is known. */
  text(length: number): void {
    this.output -= length
    if (this.output < 0) {
      throw limit(`the template makes more than ${this.limits.outputSize} characters of text`)
    }
    this.characters(length)
  }

  iteration(): void {
    if (--this.iterations < 0) {
      throw limit(`the template's loops run more than ${this.limits.iterations} times`)
    }
    this.step()
  }
}

const stepsBetweenLooks = 2_000
