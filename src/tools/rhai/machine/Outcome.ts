/** Why a machine has stopped for now. */
import type { HostRequest } from "./Natives.ts"
import type { Value } from "../language/Value.ts"

export type Outcome =
  | { readonly t: "done"; readonly value: Value }
  /** The slice is over: let others run, then call `run` again. */
  | { readonly t: "yield" }
  /** Do the work, then call `resume` or `fail`, then `run`. */
  | { readonly t: "host"; readonly request: HostRequest }
