/** A map that evicts the entry used least recently when it is full. */
export interface Options<K, V> {
  readonly maxEntries: number
  /** The limit of the entries' weights together, in the unit of `weightOf`. */
  readonly maxWeight?: number
  /** Called when an entry is set and when it leaves: it must not change in between. */
  readonly weightOf?: (key: K, value: V) => number
  /** Called for an entry that had to leave, not for one that was deleted or replaced. */
  readonly onEvict?: (key: K, value: V) => void
}

export class BoundedMap<K, V> {
  private readonly entries = new Map<K, V>()
  private readonly options: Options<K, V>
  private weight = 0

  constructor(options: Options<K, V>) {
    this.options = options
  }

  get size(): number {
    return this.entries.size
  }

  /** Counts as a use. */
  get(key: K): V | undefined {
    const value = this.entries.get(key)
    if (value === undefined) return undefined
    this.entries.delete(key)
    this.entries.set(key, value)
    return value
  }

  /** Does not count as a use. */
  has(key: K): boolean {
    return this.entries.has(key)
  }

  set(key: K, value: V): void {
    this.delete(key)
    this.entries.set(key, value)
    this.weight += this.options.weightOf?.(key, value) ?? 0
    this.shrink()
  }

  delete(key: K): boolean {
    const value = this.entries.get(key)
    if (value !== undefined) this.weight -= this.options.weightOf?.(key, value) ?? 0
    return this.entries.delete(key)
  }

  /** From the one used least recently. */
  values(): MapIterator<V> {
    return this.entries.values()
  }

  private shrink(): void {
    const { maxEntries, maxWeight = Infinity, onEvict } = this.options
    for (const [key, value] of this.entries) {
      if (this.entries.size <= maxEntries && this.weight <= maxWeight) return
      this.delete(key)
      onEvict?.(key, value)
    }
  }
}
