/**
 * The baseline: the same calls, the same HTTP client and the same queue as a plain loop of promises, with nothing around
 * them. No supervision, no journal, no leases, no retries, no templates, no limits.
 */
import { request } from "undici"
import { agent, events, loop, server } from "./baseline.ts"

const post = async (
  path: string,
  body: unknown,
  headers: Record<string, string> = {}
): Promise<Record<string, unknown>> => {
  const answer = await request(`${server}${path}`, {
    dispatcher: agent,
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", ...headers },
    body: JSON.stringify(body)
  })
  return JSON.parse(await answer.body.text()) as Record<string, unknown>
}

await loop(post, async (message) => {
  const [, execution = "", event = ""] = /"execution_id":(\d+),"event_id":(\d+)/.exec(message.string()) ?? []
  const claim = await post(`/api/commands/${event}/claim`, { worker_id: "plain" })
  const { tool_config } = claim["context"] as { readonly tool_config: { readonly result: unknown } }
  const id = (claim["meta"] as { readonly command_id: string }).command_id
  const tell = events(post, { execution, id, step: claim["node_name"] })
  const started = tell.started()
  const result = tool_config.result
  await started
  await tell.done(result)
  await tell.ended(result)
})
