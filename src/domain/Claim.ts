/** What a control plane answers to a claim. All five are values: none of them is an error. */
import { Data, type Duration } from "effect"
import type { Command } from "./Command.ts"

export type Claim = Data.TaggedEnum<{
  /** The command is ours. */
  Claimed: { readonly command: Command }
  /** Another worker has it, or an earlier incarnation of this one. `owner` is the name that the server gave. */
  HeldElsewhere: { readonly owner: string | undefined; readonly retryAfter: Duration.Duration | undefined }
  /** It ended, or its execution did. */
  AlreadyDone: { readonly reason: string }
  /** The server cannot say now. */
  RetryLater: {
    readonly after: Duration.Duration | undefined
    readonly reason: string
    /** The server is away or has too much to do: nothing is wrong with the command. */
    readonly away?: boolean
  }
  /** The server will never give it: no such command, or a request it does not accept. */
  Rejected: { readonly reason: string }
}>

export const { Claimed, HeldElsewhere, AlreadyDone, RetryLater, Rejected, $is, $match } =
  Data.taggedEnum<Claim>()
