/** The commands of `noetl` for playbooks: their words, flags and help. What they do is loaded when it is asked for. */
import { Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { group, json } from "../commands.ts"
import { many, onOff, text } from "../flags.ts"
import { lazily } from "../lazily.ts"

const catalog = many("catalog", "Folder of playbooks that steps name by their path; may be repeated.", "DIR")
const strict = onOff("strict", "Warnings are errors: nothing of an older dialect passes.")
const credentials = text("credentials", "Credentials, name: {type, data}, as YAML or JSON.", "FILE")

const optionalArgument = (name: string, doc: string) =>
  Argument.String(name).pipe(Argument.withDescription(doc), Argument.optional)

const runFlags = {
  runtime: Flag.Literals("runtime", ["auto", "local", "distributed"]).pipe(
    Flag.withAlias("r"),
    Flag.withDescription("Where to run: auto is local for a file."),
    Flag.withDefault("auto")
  ),
  targetStep: Flag.withAlias(text("target", "Step to start at.", "STEP"), "t"),
  set: many("set", "A value of the workload; dots in K make mappings, V is JSON where it is JSON.", "K=V"),
  payload: Flag.withAlias(text("payload", "Values as a JSON object.", "JSON"), "workload"),
  input: Flag.withAlias(text("input", "File with values, JSON or YAML.", "FILE"), "i"),
  merge: onOff("merge", "Merge mappings of the values into those of the workload."),
  credentials,
  catalog,
  dryRun: onOff("dry-run", "Check the playbook, show what would run, and run nothing."),
  json: Flag.withAlias(onOff("json", "One JSON document on stdout; everything else on stderr."), "j"),
  events: text("events", "Write each event as a line of JSON; - is stdout.", "FILE"),
  concurrency: Flag.Int("concurrency").pipe(Flag.withDescription("Commands at once."), Flag.withDefault(8)),
  timeout: text("timeout", 'Time for the whole run: seconds, or "30s", "5m".', "TIME"),
  state: text("state", "Folder that keeps the run, so that it goes on after the process was killed.", "DIR"),
  resume: onOff("resume", "Go on with the run that --state keeps: what had ended is not run again."),
  strict,
  forceProfile: onOff("force-profile", "Run here a playbook whose profile is distributed."),
  noNormalize: onOff("no-normalize", "Understand the language of today only."),
  quiet: Flag.withAlias(onOff("quiet", "Only how the run ended."), "q"),
  serve: onOff("serve", "Not supported yet."),
  watch: onOff("watch", "Not supported yet."),
  endpoint: text("endpoint", "Not supported yet.", "URL")
}

export const run = Command.make(
  "run",
  {
    ref: optionalArgument("REF", "File of the playbook, or its path in a catalog; ./noetl.yaml unless said."),
    target: optionalArgument("TARGET", "Step to start at."),
    ...runFlags
  },
  (input) =>
    lazily(
      () => import("./run.ts"),
      (module) =>
        module.run({
          ...input,
          ref: Option.getOrUndefined(input.ref),
          target: Option.getOrUndefined(Option.orElse(input.target, () => input.targetStep)),
          payload: Option.getOrUndefined(input.payload),
          input: Option.getOrUndefined(input.input),
          credentials: Option.getOrUndefined(input.credentials),
          events: Option.getOrUndefined(input.events),
          timeout: Option.getOrUndefined(input.timeout),
          state: Option.getOrUndefined(input.state),
          endpoint: Option.getOrUndefined(input.endpoint)
        })
    )
).pipe(
  Command.withAlias("exec"),
  Command.withDescription(
    "Run a playbook on this machine. Exit 0 completed, 1 failed, 2 not runnable, 130 cancelled."
  ),
  Command.withExamples([
    { command: "noetl run hello.yaml --set name=Ada" },
    { command: "noetl run automation/tasks.yaml build --verbose", description: "start at the step build" },
    { command: "noetl run etl.yaml --state run1 --resume", description: "go on after a crash" }
  ])
)

export const validate = Command.make(
  "validate",
  {
    files: Argument.String("FILE").pipe(
      Argument.withDescription("Playbooks, or folders of them."),
      Argument.variadic({ min: 1 })
    ),
    strict,
    json
  },
  (input) =>
    lazily(
      () => import("./validate.ts"),
      (module) => module.validate(input)
    )
).pipe(
  Command.withDescription("Check playbooks: everything that is wrong, where, and the fix. Exit 2 for errors.")
)

export const schema = Command.make("schema", {}, () =>
  lazily(
    () => import("./schema.ts"),
    (module) => module.schema
  )
).pipe(
  Command.withDescription("Print the JSON Schema of playbooks, for editors."),
  Command.withExamples([{ command: "noetl schema > playbook.schema.json" }])
)

export const test = Command.make(
  "test",
  {
    folder: Argument.String("DIR").pipe(
      Argument.withDescription("Folder with playbooks and expectations.yaml.")
    ),
    filter: text("only", "Run those alone whose name has this text.", "TEXT"),
    catalog,
    credentials,
    concurrency: Flag.Int("concurrency").pipe(Flag.withDescription("Commands at once."), Flag.withDefault(8)),
    json
  },
  (input) =>
    lazily(
      () => import("./test.ts"),
      (module) =>
        module.test({
          ...input,
          only: Option.getOrUndefined(input.filter),
          credentials: Option.getOrUndefined(input.credentials)
        })
    )
).pipe(
  Command.withDescription(
    "Run the playbooks of a folder and check what they give. Exit 1 when one gives something else."
  )
)

export const demo = Command.make("demo", {}, () =>
  lazily(
    () => import("./demo.ts"),
    (module) => module.demo
  )
).pipe(
  Command.withDescription("Run an example playbook: a template, a loop, a retry, and a failure on purpose.")
)

export const catalogGroup = group("catalog").pipe(
  Command.withDescription("Playbooks in folders."),
  Command.withSubcommands([
    Command.make(
      "list",
      {
        type: Argument.String("TYPE").pipe(Argument.withDescription("Kind of document: playbook.")),
        catalog,
        json
      },
      (input) =>
        lazily(
          () => import("./catalog.ts"),
          (module) => module.list(input)
        )
    ).pipe(Command.withDescription("List what is in folders (--catalog, else NOETL_CATALOG_PATH)."))
  ])
)
