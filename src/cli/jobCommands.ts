/** The commands of jobs in a database: their words, flags and help. */
import { Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { group, json } from "./commands.ts"
import { isPositive, onOff, text } from "./flags.ts"
import { lazily } from "./lazily.ts"

const jobs = () => import("./jobs.ts")

const id = Argument.String("ID").pipe(Argument.withDescription("Id of the job, as submit printed it."))
const number = (name: string, doc: string) => Flag.optional(Flag.Int(name).pipe(Flag.withDescription(doc)))
const seconds = (name: string, doc: string) =>
  Flag.optional(Flag.Finite(name).pipe(Flag.withDescription(doc), Flag.withMetavar("SECONDS")))

const list = Command.make(
  "list",
  {
    queue: text("queue", "Only of this queue."),
    status: Flag.optional(
      Flag.Literals("status", ["queued", "running", "succeeded", "failed", "cancelled"]).pipe(
        Flag.withDescription("Only with this status; failed ones are the dead letters.")
      )
    ),
    tenant: text("tenant", "Only of this tenant."),
    kind: text("kind", "Only of this kind."),
    most: Flag.Int("most").pipe(
      Flag.withDescription("Jobs at most, 100."),
      Flag.filter(...isPositive),
      Flag.withDefault(100)
    ),
    json
  },
  (input) => lazily(jobs, (module) => module.list(input))
).pipe(Command.withDescription("List jobs, the newest first; with --json one document a line."))

const show = Command.make("show", { id }, (input) => lazily(jobs, (module) => module.show(input.id))).pipe(
  Command.withDescription("Show one job with its payload, its result and its error.")
)

const submit = Command.make(
  "submit",
  {
    kind: Argument.String("KIND").pipe(Argument.withDescription("tool, pipeline, or a type of your own.")),
    payload: Argument.String("PAYLOAD").pipe(Argument.withDescription("JSON, @FILE, or - for stdin.")),
    queue: text("queue", "Queue, default."),
    tenant: text("tenant", "Tenant, default."),
    priority: number("priority", "0 to 10, higher first, 5."),
    key: text("key", "Idempotency key: a second job with it is the first one."),
    delay: seconds("delay", "Start no earlier than so long from now."),
    retries: number("retries", "Retries of an error that may pass."),
    timeout: seconds("timeout", "How long one attempt may take."),
    wait: seconds("wait", "Wait so long for the end, and show the job.")
  },
  (input) => lazily(jobs, (module) => module.submit(input))
).pipe(
  Command.withDescription("Submit a job and print its id."),
  Command.withExamples([
    { command: `noetl-worker jobs submit tool '{"tool": "http", "config": {"url": "https://example.com"}}'` }
  ])
)

const cancel = Command.make("cancel", { id }, (input) =>
  lazily(jobs, (module) => module.cancel(input.id))
).pipe(Command.withDescription("Cancel a job: a queued one is gone, a running one is stopped."))

const retry = Command.make(
  "retry",
  { which: Argument.String("ID|all").pipe(Argument.withDescription("Id of a failed job, or all of them.")) },
  ({ which }) => lazily(jobs, (module) => module.retry(which))
).pipe(Command.withDescription("Queue a failed job again with all its retries."))

const wait = Command.make(
  "wait",
  {
    id,
    timeout: Flag.Finite("timeout").pipe(
      Flag.withDescription("Wait so long at most, 60."),
      Flag.withMetavar("SECONDS"),
      Flag.withDefault(60)
    )
  },
  (input) => lazily(jobs, (module) => module.wait(input.id, input.timeout))
).pipe(Command.withDescription("Wait for the end of a job and show it. Exit 1 unless it succeeded."))

export const jobsCommand = group("jobs").pipe(
  Command.withDescription("Jobs in PostgreSQL: submit them, wait for them, see what became of them."),
  Command.withSubcommands([list, show, submit, cancel, retry, wait])
)

const name = Argument.String("NAME").pipe(Argument.withDescription("Name of the queue."))
const pool = onOff("pool", "The name is a pool's: all its workers.")
const pausable = (input: { readonly name: string; readonly pool: boolean }) => ({
  scope: input.pool ? ("pool" as const) : ("queue" as const),
  name: input.name
})

export const queueCommand = group("queue").pipe(
  Command.withDescription("The queues of jobs in PostgreSQL: their schema, figures, pauses and limits."),
  Command.withSubcommands([
    Command.make("migrate", {}, () => lazily(jobs, (module) => module.migrate)).pipe(
      Command.withDescription("Bring the schema of jobs forward, as the owner of the database.")
    ),
    Command.make("stats", { json }, (input) => lazily(jobs, (module) => module.stats(input.json))).pipe(
      Command.withDescription("Count what waits, runs, ended and died, queue by queue.")
    ),
    Command.make("pause", { name, pool }, (input) =>
      lazily(jobs, (module) => module.pause(pausable(input)))
    ).pipe(Command.withDescription("Let all workers take no more jobs of a queue; running ones go on.")),
    Command.make("resume", { name, pool }, (input) =>
      lazily(jobs, (module) => module.resume(pausable(input)))
    ).pipe(Command.withDescription("Let workers take jobs again.")),
    Command.make(
      "limit",
      {
        name,
        on: Flag.Literals("on", ["queue", "kind", "key", "tenant", "payload"]).pipe(
          Flag.withDescription(
            "What is counted: the whole queue, a tool's kind, a concurrency key, a tenant, a place in the payload."
          ),
          Flag.withDefault("queue" as const)
        ),
        value: Flag.String("value").pipe(
          Flag.withDescription(
            "Which one; * is each of them with a count of its own. Of the payload the place: args.customer."
          ),
          Flag.withDefault("*")
        ),
        running: number("running", "Jobs that run at once over all workers."),
        perMinute: number("per-minute", "Jobs that start within any minute over all workers.")
      },
      ({ name: queue, on, perMinute, running, value }) =>
        lazily(jobs, (module) =>
          module.limit({
            queue,
            scope: on,
            value,
            maxRunning: Option.getOrUndefined(running),
            perMinute: Option.getOrUndefined(perMinute)
          })
        )
    ).pipe(Command.withDescription("Limit a queue over all workers; without a number the limit is removed."))
  ])
)
