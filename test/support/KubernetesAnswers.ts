/** The answers of the double: one value, or a watch or a log that comes over time. */
import type { ServerResponse } from "node:http"
import type { Node } from "./KubernetesNode.ts"
import type { Wanted } from "./KubernetesRole.ts"
import type { Store, Thing } from "./KubernetesStore.ts"

export interface World {
  readonly store: Store
  readonly node: Node
  readonly watches: Set<ServerResponse>
  readonly second: number
  readonly allows: (wanted: Wanted) => boolean
}

export const watch = (
  world: World,
  selector: (one: Thing) => boolean,
  url: URL,
  response: ServerResponse
): void => {
  const { store, watches, second } = world
  response.writeHead(200, { "content-type": "application/json" })
  response.flushHeaders()
  const write = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`)
  const stop = store.watch(Number(url.searchParams.get("resourceVersion") ?? 0), ({ object, type }) => {
    if (selector(object)) write(type, object)
  })
  if (stop === undefined) {
    write("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" })
    return void response.end()
  }
  watches.add(response)
  const timer = setTimeout(
    () => response.end(),
    Number(url.searchParams.get("timeoutSeconds") ?? 300) * second
  )
  response.on("close", () => {
    clearTimeout(timer)
    watches.delete(response)
    stop()
  })
}

export const logOf = (
  { node }: World,
  pod: Thing,
  query: URLSearchParams,
  response: ServerResponse
): void => {
  const container = query.get("container") ?? ""
  const log = node.log(pod, container)
  if (!log.begun) {
    const detail = `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ContainerCreating`
    return status(response, 400, "BadRequest", detail)
  }
  response.writeHead(200, { "content-type": "text/plain" })
  const lines = Number(query.get("tailLines") ?? Number.POSITIVE_INFINITY)
  let sent = log.text
    .split("\n")
    .slice(0, -1 - lines)
    .join("\n").length
  const flush = () => {
    response.write(log.text.slice(sent))
    sent = log.text.length
    if (log.ended || query.get("follow") !== "true") response.end()
  }
  log.listeners.add(flush)
  response.on("close", () => log.listeners.delete(flush))
  flush()
}

export const json = (response: ServerResponse, value: unknown, code = 200): void => {
  response.writeHead(code, { "content-type": "application/json" })
  response.end(JSON.stringify(value))
}

export const status = (response: ServerResponse, code: number, reason: string, message: string): void =>
  json(response, { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message }, code)
