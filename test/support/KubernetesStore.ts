/** The objects of a Kubernetes API server: versions, watches, selectors, ownership. In memory. */
import type { V1JobSpec, V1JobStatus, V1PodSpec, V1PodStatus } from "@kubernetes/client-node"

/** The library's types as they are on the wire, where a time is text. */
export type Wire<T> = T extends Date
  ? string
  : T extends ReadonlyArray<infer Item>
    ? Array<Wire<Item>>
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T

export interface Metadata {
  name: string
  namespace: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: Array<{ kind: string; name: string; uid: string; blockOwnerDeletion?: boolean }>
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

export interface Thing {
  apiVersion: string
  kind: string
  metadata: Metadata
  spec?: Partial<Wire<V1JobSpec>> & Partial<Wire<V1PodSpec>>
  status?: Partial<Omit<Wire<V1JobStatus>, "conditions">> &
    Partial<Omit<Wire<V1PodStatus>, "conditions">> & { conditions?: Array<Condition> }
  data?: Record<string, string>
  stringData?: Record<string, string>
}

export interface Event {
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly version: number
  readonly object: Thing
}

export type Selector = (object: Thing) => boolean

export class Store {
  readonly #things = new Map<string, Thing>()
  readonly #listeners = new Set<(event: Event) => void>()
  #events: Array<Event> = []
  #version = 100
  #forgotten = 0

  get version(): number {
    return this.#version
  }

  /** Versions up to this one cannot be watched from any more. */
  get forgotten(): number {
    return this.#forgotten
  }

  get all(): ReadonlyArray<Thing> {
    return [...this.#things.values()]
  }

  get(kind: string, namespace: string, name: string): Thing | undefined {
    return this.#things.get(keyOf(kind, namespace, name))
  }

  list(kind: string, namespace: string, selector: Selector = () => true): ReadonlyArray<Thing> {
    return this.all.filter(
      (one) => one.kind === kind && one.metadata.namespace === namespace && selector(one)
    )
  }

  /** Undefined when the name is taken. */
  create(object: Thing): Thing | undefined {
    const { kind, metadata } = object
    if (this.get(kind, metadata.namespace, metadata.name) !== undefined) return undefined
    const made = structuredClone(object)
    made.metadata = {
      ...made.metadata,
      uid: crypto.randomUUID(),
      creationTimestamp: new Date().toISOString()
    }
    return this.#put("ADDED", made)
  }

  update(object: Thing, change: (copy: Thing) => void): Thing | undefined {
    const current = this.get(object.kind, object.metadata.namespace, object.metadata.name)
    if (current === undefined || current.metadata.uid !== object.metadata.uid) return undefined
    const copy = structuredClone(current)
    change(copy)
    return this.#put("MODIFIED", copy)
  }

  delete(object: Thing): void {
    const current = this.get(object.kind, object.metadata.namespace, object.metadata.name)
    if (current === undefined || current.metadata.uid !== object.metadata.uid) return
    this.#things.delete(keyOf(current.kind, current.metadata.namespace, current.metadata.name))
    this.#tell("DELETED", {
      ...current,
      metadata: { ...current.metadata, resourceVersion: String(++this.#version) }
    })
  }

  ownedBy(uid: string): ReadonlyArray<Thing> {
    return this.all.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid))
  }

  /** What happened since, then what happens. Undefined when it was so long ago that nobody knows. */
  watch(since: number, listener: (event: Event) => void): (() => void) | undefined {
    if (since < this.#forgotten) return undefined
    for (const event of this.#events.filter(({ version }) => version > since)) listener(event)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  listen(listener: (event: Event) => void): void {
    this.#listeners.add(listener)
  }

  /** Makes every version until now too old to watch from. */
  forget(): void {
    this.#forgotten = ++this.#version
    this.#events = []
  }

  #put(type: "ADDED" | "MODIFIED", object: Thing): Thing {
    object.metadata.resourceVersion = String(++this.#version)
    this.#things.set(keyOf(object.kind, object.metadata.namespace, object.metadata.name), object)
    this.#tell(type, object)
    return object
  }

  #tell(type: Event["type"], object: Thing): void {
    const event = { type, version: Number(object.metadata.resourceVersion), object }
    this.#events.push(event)
    for (const listener of this.#listeners) listener(event)
  }
}

const keyOf = (kind: string, namespace: string, name: string): string => `${kind}/${namespace}/${name}`

/** `a=b,c!=d` over labels, `metadata.name=x` over fields. */
export const selectorOf = (labels: string | null, fields: string | null): Selector => {
  const wanted = (text: string | null) =>
    (text ?? "")
      .split(",")
      .filter((one) => one !== "")
      .map((one) => one.split("=", 2) as [string, string])
  return ({ metadata }) =>
    wanted(labels).every(([name, value]) => metadata.labels?.[name] === value) &&
    wanted(fields).every(([name, value]) => name === "metadata.name" && metadata.name === value)
}

/** The double knows one field, the real server few more; it refuses any other. */
export const unknownFieldSelector = (fields: string | null): string | undefined =>
  (fields ?? "")
    .split(",")
    .map((one) => one.split("=")[0] ?? "")
    .find((name) => name !== "" && name !== "metadata.name")

/** RFC 7386. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch
  const base: Record<string, unknown> =
    typeof target === "object" && target !== null && !Array.isArray(target)
      ? { ...(target as Record<string, unknown>) }
      : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete base[key]
    else base[key] = mergePatch(base[key], value)
  }
  return base
}
