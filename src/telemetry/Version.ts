import { Context } from "effect"

/** The version of the program, for `noetl_worker_build_info`. The command line provides it. */
export const Version = Context.Reference<string>("noetl-worker/telemetry/Version", {
  defaultValue: () => "unknown"
})
