/**
 * Snowflake's wire protocol, as much of it as a driver meets: sign-in, queries that end at once or later, results in
 * parts, several statements, failures, cancelling, tokens that run out. What a statement answers the test says.
 */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { randomUUID } from "node:crypto"
import { gzipSync } from "node:zlib"

export interface ColumnType {
  readonly name: string
  readonly type: string
  readonly scale?: number
  readonly precision?: number
}

export interface Answer {
  readonly columns: ReadonlyArray<ColumnType>
  readonly rows: ReadonlyArray<ReadonlyArray<string | null>>
  /** Rows that come in further parts, each fetched for itself. */
  readonly parts?: ReadonlyArray<ReadonlyArray<ReadonlyArray<string | null>>>
}

export type Reply =
  | Answer
  | { readonly error: string; readonly code: string; readonly sqlState: string }
  /** Ends after it was asked about so many times; never, for infinity. */
  | { readonly later: Answer; readonly asks: number }
  | { readonly statements: ReadonlyArray<readonly [string, Reply]> }

export interface Asked {
  readonly sql: string
  readonly body: Record<string, unknown>
  readonly token: string
}

export interface SnowflakeServer {
  readonly url: string
  readonly asked: ReadonlyArray<Asked>
  readonly logins: ReadonlyArray<Record<string, unknown>>
  /** Ids of queries that were asked to stop. */
  readonly aborted: ReadonlyArray<string>
  /** Sessions that are signed in. */
  readonly sessions: () => number
  /** How many parts of results were fetched. */
  readonly parts: () => number
  /** How often a token was renewed. */
  readonly renewals: () => number
  /** The next query finds its token out of date. */
  readonly expire: () => void
}

export const rows = (count: number): Answer => ({
  columns: [{ name: "number of rows inserted", type: "fixed" }],
  rows: [[String(count)]]
})

export const make = (
  answer: (sql: string, body: Record<string, unknown>) => Reply,
  options: { readonly password?: string } = {}
): Effect.Effect<SnowflakeServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fake = new Fake(answer, options.password ?? "secret")
    const server = yield* Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const made = createServer((request, response) => fake.handle(request, response))
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.callback<void>((resume) => {
          made.close(() => resume(Effect.void))
          made.closeAllConnections()
        })
    )
    const { port } = server.address() as AddressInfo
    fake.url = `http://127.0.0.1:${port}`
    return fake.handleOf()
  })

// --- the protocol ---

class Fake {
  url = ""
  private readonly answer: (sql: string, body: Record<string, unknown>) => Reply
  private readonly password: string
  private readonly asked: Array<Asked> = []
  private readonly logins: Array<Record<string, unknown>> = []
  private readonly aborted: Array<string> = []
  private readonly tokens = new Set<string>()
  private readonly queries = new Map<
    string,
    { readonly sql: string; reply: Reply; asks: number; requestId: string }
  >()
  private readonly partBodies = new Map<string, Buffer>()
  private fetched = 0
  private renewed = 0
  private expired = false

  constructor(answer: (sql: string, body: Record<string, unknown>) => Reply, password: string) {
    this.answer = answer
    this.password = password
  }

  handleOf(): SnowflakeServer {
    return {
      url: this.url,
      asked: this.asked,
      logins: this.logins,
      aborted: this.aborted,
      sessions: () => this.tokens.size,
      parts: () => this.fetched,
      renewals: () => this.renewed,
      expire: () => {
        this.expired = true
      }
    }
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://fake")
      const part = this.partBodies.get(url.pathname)
      if (part !== undefined) {
        this.fetched++
        response.setHeader("content-encoding", "gzip")
        response.end(part)
        return
      }
      const text = Buffer.concat(chunks).toString("utf8")
      const body = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {}
      const token = /Token="([^"]*)"/.exec(request.headers.authorization ?? "")?.[1] ?? ""
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify(this.route(url, body, token)))
    })
  }

  private route(url: URL, body: Record<string, unknown>, token: string): unknown {
    const path = url.pathname
    if (path === "/session/v1/login-request") return this.login(body)
    if (path === "/session/token-request") return this.renew()
    if (path === "/session") return this.leave(token)
    if (!this.tokens.has(token)) return problem("390104", "token is not known", "08001")
    if (this.expired) {
      this.expired = false
      return problem("390112", "session token expired", "08001")
    }
    if (path === "/queries/v1/query-request") return this.query(url, body, token)
    const [, id = "", action = ""] = /^\/queries\/([^/]+)\/(\S+)$/.exec(path) ?? []
    if (path === "/queries/v1/abort-request" || action === "abort-request") return this.abort(id, body)
    if (action === "result") return this.result(id)
    const monitored = /^\/monitoring\/queries\/([^/]+)$/.exec(path)?.[1]
    return monitored === undefined
      ? { success: true, data: {}, code: null, message: null }
      : this.status(monitored)
  }

  private login(body: Record<string, unknown>): unknown {
    const data = body["data"] as Record<string, unknown>
    this.logins.push(data)
    if (data["PASSWORD"] !== undefined && data["PASSWORD"] !== this.password) {
      return problem("390100", "Incorrect username or password was specified.", "08001")
    }
    const token = randomUUID()
    this.tokens.add(token)
    return success({
      token,
      masterToken: `m-${token}`,
      sessionId: this.tokens.size,
      parameters: [],
      sessionInfo: {}
    })
  }

  private renew(): unknown {
    this.renewed++
    const token = randomUUID()
    this.tokens.clear()
    this.tokens.add(token)
    return success({
      sessionToken: token,
      masterToken: `m-${token}`,
      validityInSecondsST: 3600,
      sessionId: 1
    })
  }

  private leave(token: string): unknown {
    this.tokens.delete(token)
    return success({})
  }

  private query(url: URL, body: Record<string, unknown>, token: string): unknown {
    const sql = String(body["sqlText"])
    this.asked.push({ sql, body, token })
    const id = randomUUID()
    const query = {
      sql,
      reply: this.answer(sql, body),
      asks: 0,
      requestId: url.searchParams.get("requestId") ?? ""
    }
    this.queries.set(id, query)
    if (body["asyncExec"] === true) {
      return { ...success({ queryId: id, getResultUrl: `/queries/${id}/result` }), code: "333334" }
    }
    return this.result(id)
  }

  private result(id: string): unknown {
    const query = this.queries.get(id)
    if (query === undefined) return problem("000709", "no such query", "02000")
    const { reply } = query
    if (this.aborted.includes(id)) return problem("000604", "SQL execution canceled", "57014", id)
    if ("later" in reply) {
      if (query.asks++ < reply.asks) {
        return { ...success({ queryId: id, getResultUrl: `/queries/${id}/result` }), code: "333333" }
      }
      return this.finished(id, reply.later)
    }
    if ("statements" in reply) {
      const ids = reply.statements.map(([sql, one]) => {
        const child = randomUUID()
        this.queries.set(child, { sql, reply: one, asks: 0, requestId: "" })
        return child
      })
      return success({
        ...dataOf({ columns: [{ name: "s", type: "text" }], rows: [["ok"]] }, id, []),
        resultIds: ids.join(","),
        resultTypes: ""
      })
    }
    if ("error" in reply) return problem(reply.code, reply.error, reply.sqlState, id)
    return this.finished(id, reply)
  }

  private finished(id: string, answer: Answer): unknown {
    const chunks = (answer.parts ?? []).map((part, i) => {
      const path = `/parts/${id}/${i}`
      const text = part.map((row) => JSON.stringify(row)).join(",")
      this.partBodies.set(path, gzipSync(text))
      return {
        url: `${this.url}${path}`,
        rowCount: part.length,
        uncompressedSize: text.length,
        compressedSize: text.length
      }
    })
    return success(dataOf(answer, id, chunks))
  }

  private abort(id: string, body: Record<string, unknown>): unknown {
    const byRequest = [...this.queries].find(([, query]) => query.requestId === body["requestId"])?.[0]
    this.aborted.push(id !== "" && id !== "v1" ? id : (byRequest ?? "unknown"))
    return success({})
  }

  private status(id: string): unknown {
    const query = this.queries.get(id)
    const reply = query?.reply
    const isRunning =
      query !== undefined && reply !== undefined && "later" in reply && query.asks++ < reply.asks
    const status = isRunning
      ? "RUNNING"
      : reply !== undefined && "error" in reply
        ? "FAILED_WITH_ERROR"
        : "SUCCESS"
    const errorMessage = reply !== undefined && "error" in reply ? reply.error : ""
    return success({ queries: [{ id, status, errorMessage }] })
  }
}

const success = (data: unknown) => ({ data, success: true, code: null, message: null })

const problem = (code: string, message: string, sqlState: string, queryId = "") => ({
  data: { sqlState, errorCode: code, queryId, line: 1, pos: 7, type: "COMPILATION" },
  success: false,
  code,
  message
})

const dataOf = (answer: Answer, queryId: string, chunks: ReadonlyArray<unknown>) => ({
  parameters: [
    { name: "TIME_OUTPUT_FORMAT", value: "HH24:MI:SS.FF9" },
    { name: "BINARY_OUTPUT_FORMAT", value: "HEX" }
  ],
  rowtype: answer.columns.map((column) => ({
    nullable: true,
    scale: 0,
    precision: 38,
    length: null,
    byteLength: null,
    ...column
  })),
  rowset: answer.rows,
  total: answer.rows.length + (answer.parts ?? []).flat().length,
  returned: answer.rows.length + (answer.parts ?? []).flat().length,
  queryId,
  ...(chunks.length === 0 ? {} : { chunks }),
  queryResultFormat: "json",
  version: 1,
  statementTypeId: answer.columns[0]?.name.startsWith("number of rows") === true ? 0x3100 : 0x1000
})
