/** The other side of both workers, in a process of its own so that its CPU is not counted: claims are granted, events accepted. */
import { createServer } from "node:http"

let claims = 0
let endings = 0
let registered = 0
/** More context for each claim, as JSON: rows as a step before would leave them. */
let context = "{}"

const rowsOf = (bytes: number): string => {
  const rows: Array<unknown> = []
  while (JSON.stringify(rows).length < bytes) {
    const id = rows.length
    rows.push({
      id,
      name: `customer ${id}`,
      email: `c${id}@example.org`,
      amount: id * 1.25,
      tags: ["a", "b"],
      active: id % 2 === 0
    })
  }
  return JSON.stringify(rows)
}

const server = createServer((request, response) => {
  let body = ""
  request.on("data", (chunk: Buffer) => (body += chunk.toString()))
  request.on("end", () => {
    const path = request.url ?? ""
    response.setHeader("content-type", "application/json")
    const claim = /^\/api\/commands\/(\d+)\/claim$/.exec(path)
    if (claim !== null) {
      const id = claim[1] ?? ""
      claims += 1
      response.end(
        `{"status":"ok","event_id":${id},"execution_id":${id},"node_id":"start","node_name":"start","action":"noop",` +
          `"context":{"tool_config":{"result":{"id":7}},"args":{},"render_context":{"workload":{"a":1},"fetch":${context}},"next_targets":null,"pipeline":null},` +
          `"meta":{"command_id":"${id}:start:1","attempt":1}}`
      )
    } else if (path === "/counts")
      response.end(`{"claims":${claims},"endings":${endings},"registered":${registered}}`)
    else if (path.startsWith("/context/")) {
      context = rowsOf(Number(path.split("/")[2]))
      response.end("{}")
    } else if (path === "/api/events/batch") {
      if (body.includes("command.completed")) endings += 1
      response.statusCode = 202
      response.end(
        '{"status":"accepted","request_id":"1","event_ids":[],"commands_generated":0,"duplicate":false}'
      )
    } else {
      if (path.endsWith("/register")) registered += 1
      response.end(
        '{"status":"ok","event_id":1,"commands_generated":1,"name":"w","cancelled":false,"items":[]}'
      )
    }
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  console.log(typeof address === "object" && address !== null ? address.port : 0)
})
