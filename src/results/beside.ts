/** What stays readable beside a reference: small members, those near the top first. */
import { isObject, type Json, type JsonObject } from "../domain/Json.ts"
import { copiesKey } from "./copies.ts"

const maxBytes = 8 * 1024
/** Of a member that is kept as a whole. */
const maxMemberBytes = 2 * 1024
const maxMembers = 64
const maxDepth = 4

/**
 * Small members as they are: texts, numbers, lists and objects of small things. Of a large object a part, with what
 * `part` says about where the whole is; of a large list or text nothing.
 */
export const besideOf = (value: Json, part: (path: ReadonlyArray<string>) => JsonObject): JsonObject => {
  const kept: Part = { source: isObject(value) ? value : {}, path: [], members: {}, parent: undefined }
  let bytes = 0
  let level: ReadonlyArray<Part> = [kept]
  for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
    const next: Array<Part> = []
    for (const one of level) {
      for (const [key, member] of Object.entries(one.source).slice(0, maxMembers)) {
        if (key === copiesKey) continue
        const size = sizeWithin(member, maxMemberBytes)
        if (size !== undefined && bytes + size + key.length <= maxBytes) {
          bytes += size + key.length
          keep(one, key, member, part)
        } else if (isObject(member)) {
          next.push({ source: member, path: [...one.path, key], members: {}, parent: one })
        }
      }
    }
    level = next
  }
  return kept.members
}

interface Part {
  readonly source: JsonObject
  readonly path: ReadonlyArray<string>
  readonly members: Record<string, Json>
  readonly parent: Part | undefined
}

/** A part is there once it has a member. */
const keep = (
  one: Part,
  key: string,
  member: Json,
  part: (path: ReadonlyArray<string>) => JsonObject
): void => {
  const { members, parent, path } = one
  if (parent !== undefined && Object.keys(members).length === 0) {
    Object.assign(members, part(path))
    keep(parent, path.at(-1) ?? "", members, part)
  }
  Object.defineProperty(members, key, { value: member, enumerable: true, configurable: true, writable: true })
}

/** About the bytes of JSON text; undefined for more than `most`. */
const sizeWithin = (value: Json, most: number): number | undefined => {
  if (most < 0) return undefined
  if (typeof value === "string") {
    const size = value.length > most ? most + 1 : Buffer.byteLength(value) + 2
    return size <= most ? size : undefined
  }
  if (!isObject(value) && !Array.isArray(value)) return 8
  let size = 2
  for (const [key, member] of Object.entries(value as JsonObject)) {
    const one = sizeWithin(member, most - size)
    if (one === undefined) return undefined
    size += one + (Array.isArray(value) ? 1 : key.length + 4)
    if (size > most) return undefined
  }
  return size
}
