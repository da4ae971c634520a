/** What a rendering asked for and got: each thing is fetched once. */
import type { JsonObject } from "../domain/Json.ts"
import type { Demand } from "./Engine.ts"
import type { Value } from "./values.ts"

/** Thrown by a read of something that must be fetched first. */
export class Missing extends Error {}

export class Memory {
  private readonly byKey = new Map<string, Value>()
  private readonly byHolder = new Map<JsonObject, Value>()
  private missing = new Map<string | JsonObject, Demand>()
  /** Without a resolver everything that is not here is nothing. */
  private readonly canFetch: boolean

  constructor(canFetch: boolean) {
    this.canFetch = canFetch
  }

  readonly demand = (demand: Demand): Value => {
    const key = keyOf(demand)
    if (typeof key === "string" ? this.byKey.has(key) : this.byHolder.has(key)) {
      return typeof key === "string" ? this.byKey.get(key) : this.byHolder.get(key)
    }
    if (!this.canFetch) return undefined
    this.missing.set(key, demand)
    throw new Missing()
  }

  get isMissing(): boolean {
    return this.missing.size > 0
  }

  takeMissing(): ReadonlyArray<Demand> {
    const demands = [...this.missing.values()]
    this.missing = new Map()
    return demands
  }

  remember(demand: Demand, value: Value): void {
    const key = keyOf(demand)
    if (typeof key === "string") this.byKey.set(key, value)
    else this.byHolder.set(key, value)
  }
}

const keyOf = (demand: Demand): string | JsonObject => {
  switch (demand.type) {
    case "reference":
      return demand.holder
    case "keychain":
      return `keychain ${demand.name}`
    case "token":
      return `token ${demand.credential} ${demand.audience ?? ""}`
  }
}
