/** Fields that an object has and its type has not: the API server drops them without a word. */

interface Model {
  readonly getAttributeTypeMap?: () => ReadonlyArray<{ readonly baseName: string; readonly type: string }>
}

/** `library` is @kubernetes/client-node, whose models know every field of the API. */
export const unknownFieldsOf = (object: object, library: object): ReadonlyArray<string> => {
  const { apiVersion, kind } = object as { apiVersion?: string; kind?: string }
  const version = (apiVersion ?? "").split("/").at(-1) ?? ""
  const type = `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`
  return type in library ? walk(object, type, "", library) : [`${apiVersion} ${kind}: not a known kind`]
}

const walk = (value: unknown, type: string, at: string, library: object): ReadonlyArray<string> => {
  if (value === null || value === undefined) return []
  const list = /^(?:Array|Set)<(.+)>$/.exec(type)?.[1]
  if (list !== undefined) {
    return Array.isArray(value)
      ? value.flatMap((item, i) => walk(item, list, `${at}[${i}]`, library))
      : [`${at}: not a list`]
  }
  const map = /^\{ ?\[key: string\]: (.+?);? ?\}$/.exec(type)?.[1]
  if (map !== undefined) {
    return Object.entries(value).flatMap(([key, one]) => walk(one, map, `${at}.${key}`, library))
  }
  if (type === "string" || type === "number" || type === "boolean") {
    return typeof value === type ? [] : [`${at}: ${JSON.stringify(value)} is no ${type}`]
  }
  const model = (library as Readonly<Record<string, Model>>)[type]
  const fields = model?.getAttributeTypeMap?.()
  if (fields === undefined || fields.length === 0) return []
  if (typeof value !== "object")
    return typeof value === "string" && type === "IntOrString" ? [] : [`${at}: not an object`]
  return Object.entries(value).flatMap(([key, one]) => {
    const field = fields.find(({ baseName }) => baseName === key)
    const place = at === "" ? key : `${at}.${key}`
    return field === undefined ? [place] : walk(one, field.type, place, library)
  })
}
