/** A proxy before a database that cuts the connection at a statement: before the server has it, or before its answer is back. */
import { Effect } from "effect"
import { createServer, connect, type Socket } from "node:net"

export interface Cut {
  /** A word of the statement. */
  readonly at: string
  /** Which one of them, from 1. */
  readonly nth: number
  readonly when: "before" | "after"
}

export interface CuttingProxy {
  readonly port: number
  /** Connections that were cut so far. */
  readonly cuts: () => number
}

/** Cuts once. Gone with the scope. */
export const cuttingProxy = (target: number, cut: Cut) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly proxy: CuttingProxy; readonly close: () => void }>((resume) => {
        const state = { seen: 0, cuts: 0 }
        const sockets = new Set<Socket>()
        const server = createServer((client) => {
          const upstream = connect(target, "127.0.0.1")
          for (const socket of [client, upstream]) {
            sockets.add(socket)
            socket.on("error", () => undefined)
          }
          client.on("data", (chunk) => {
            const hit = chunk.includes(cut.at) && ++state.seen === cut.nth
            if (hit && cut.when === "before") {
              state.cuts += 1
              client.destroy()
              upstream.destroy()
            } else if (hit) {
              // The server has it and answers; the answer goes nowhere.
              state.cuts += 1
              upstream.write(chunk, () => upstream.end())
              client.destroy()
            } else upstream.write(chunk)
          })
          upstream.on("data", (chunk) => client.write(chunk))
          client.on("close", () => upstream.end())
          upstream.on("close", () => client.destroy())
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(
            Effect.succeed({
              proxy: { port, cuts: () => state.cuts },
              close: () => {
                server.close()
                for (const socket of sockets) socket.destroy()
              }
            })
          )
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ proxy }) => proxy
  )
