/** The executables, each as a tree of commands. */
import { Command } from "effect/cli"
import { Arguments, argumentsOf, sharedFlags, workerFlags } from "./Arguments.ts"
import * as Commands from "./commands.ts"
import { jobsCommand, queueCommand } from "./jobCommands.ts"
import { rows } from "./help.ts"
import { lazily } from "./lazily.ts"
import * as Playbooks from "./noetl/commands.ts"

/** Takes commands from a queue and works them; called bare it runs the worker. */
export const noetlWorker = {
  runsBare: true,
  notes: [
    "Environment (config --explain shows all of it)",
    ...rows([
      ["NOETL_SERVER_URL", "The NoETL server, http://localhost:8082."],
      [
        "NATS_URL",
        "The broker, nats://localhost:4222; user and password in it or in NATS_USER, NATS_PASSWORD."
      ],
      ["WORKER_MAX_CONCURRENT", "Commands that run at once, 4."],
      ["WORKER_STATE_DIR", "Folder of the journal, so that a killed worker runs nothing twice."]
    ]),
    "",
    "Flags win over the environment, the environment over .env, .env over the TOML",
    "file. SIGTERM or Ctrl-C drains and exits 0; a second one exits 130 at once; past",
    "the grace the exit is 124. A wrong word on the command line exits 2."
  ].join("\n"),
  command: Command.make("noetl-worker", {}, () =>
    lazily(
      () => import("./worker.ts"),
      (module) => module.worker
    )
  ).pipe(
    Command.withSharedFlags(workerFlags),
    Command.withDescription(
      "Take commands of a NoETL server from NATS JetStream, work them, and report how they ended."
    ),
    Command.withExamples([
      { command: "noetl-worker --concurrency 8" },
      { command: "noetl-worker doctor", description: "what keeps it from working" }
    ]),
    Command.withSubcommands([
      Commands.demo,
      Commands.doctor,
      Commands.config,
      Commands.deadLetters,
      jobsCommand,
      queueCommand,
      Commands.rhai
    ]),
    Command.provideSync(Arguments, (input) => argumentsOf(input))
  )
}

/** The worker that takes jobs from PostgreSQL unless told otherwise: the same program with other defaults. */
export const nebulaWorker = {
  runsBare: true,
  notes: [
    "Environment (config --explain shows all of it)",
    ...rows([
      ["DATABASE_URL", "The database of jobs, postgresql://localhost/nebula."],
      ["WORKER_CONCURRENCY", "Jobs that run at once, 4."],
      ["QUEUE_POLL_INTERVAL_MS", "How often it asks for jobs when no notification comes, 100."],
      ["WORKER_SHUTDOWN_TIMEOUT_SECONDS", "How long running jobs may go on after SIGTERM, 30."]
    ]),
    "",
    "It is noetl-worker with the queue postgres. SIGTERM drains and exits 0."
  ].join("\n"),
  command: Command.make("nebula-worker", {}, () =>
    lazily(
      () => import("./worker.ts"),
      (module) => module.worker
    )
  ).pipe(
    Command.withSharedFlags(workerFlags),
    Command.withDescription("Take jobs from PostgreSQL, work them, and keep how they ended."),
    Command.withExamples([{ command: "nebula-worker --concurrency 8 --poll-interval 200" }]),
    Command.withSubcommands([Commands.doctor, Commands.config, jobsCommand, queueCommand]),
    Command.provideSync(Arguments, (input) => argumentsOf(input, { queue: "postgres" }))
  )
}

/** Everything else that one does with playbooks and workers; called bare it shows its help. */
export const noetl = {
  runsBare: false,
  notes: "The worker itself is the executable noetl-worker.",
  command: Command.make("noetl").pipe(
    Command.withSharedFlags(sharedFlags),
    Command.withDescription("Run and check NoETL playbooks, and look after workers."),
    Command.withSubcommands([
      Playbooks.run,
      Playbooks.validate,
      Playbooks.test,
      Playbooks.catalogGroup,
      Playbooks.schema,
      Playbooks.demo,
      Commands.doctor,
      Commands.config,
      jobsCommand,
      queueCommand,
      Commands.rhai
    ]),
    Command.provideSync(Arguments, (input) => argumentsOf(input))
  )
}
