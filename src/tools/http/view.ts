/** What rules read as `output` of a request. */
import type { Json } from "../../domain/Json.ts"
import { isObject } from "../../domain/Json.ts"
import type { View } from "../Tool.ts"

export const view: View = (data, failure) => {
  const { headers, status_code: code } = isObject(data) ? data : {}
  return {
    data: withBody(data),
    members: { http: { status: failure?.status ?? code ?? null, headers: headers ?? {} } }
  }
}

/** The members of a body can be read without naming the body, where nothing else has their names. */
const withBody = (data: Json | undefined): Json | undefined =>
  isObject(data) && isObject(data["data"]) ? { ...data["data"], ...data } : data
