/** One target's circuit: closed, open, half-open. Pure; time comes in as milliseconds. */

export interface CircuitSettings {
  /** Failures in a row that open the circuit; zero opens none. */
  readonly failures: number
  /** Milliseconds the first opening lasts; each one after a failed probe lasts twice as long. */
  readonly openMs: number
  readonly longestMs: number
}

export type Circuit =
  | { readonly state: "closed"; readonly failures: number; readonly openings: number }
  | { readonly state: "open"; readonly until: number; readonly openings: number }
  /** One call is out to see; the others are refused meanwhile. */
  | { readonly state: "half-open"; readonly openings: number }

/** What a call says about its target. `ignored` did not get there, or was interrupted. */
export type Verdict =
  | { readonly _tag: "success" }
  | { readonly _tag: "ignored" }
  | { readonly _tag: "failure"; readonly retryAfterMs: number | undefined }

export type Admission =
  | { readonly _tag: "run" | "probe"; readonly next: Circuit }
  | { readonly _tag: "refused"; readonly waitMs: number }

export const closed: Circuit = { state: "closed", failures: 0, openings: 0 }

/** Another call is the probe: retry when the probe had time to answer. */
const probeMs = 1000

export const admit = (circuit: Circuit, now: number): Admission => {
  if (circuit.state === "closed") return { _tag: "run", next: circuit }
  if (circuit.state === "half-open") return { _tag: "refused", waitMs: probeMs }
  return now < circuit.until
    ? { _tag: "refused", waitMs: circuit.until - now }
    : { _tag: "probe", next: { state: "half-open", openings: circuit.openings } }
}

/** What becomes of the circuit when a call ended. One that was let in before the circuit opened changes nothing. */
export const learn = (
  settings: CircuitSettings,
  circuit: Circuit,
  probe: boolean,
  verdict: Verdict,
  now: number
): Circuit => {
  if (probe) return ofProbe(settings, circuit, verdict, now)
  if (circuit.state !== "closed" || verdict._tag === "ignored") return circuit
  if (verdict._tag === "success") return closed
  const failures = circuit.failures + 1
  return failures < settings.failures
    ? { ...circuit, failures }
    : opened(settings, circuit.openings, verdict, now)
}

const ofProbe = (settings: CircuitSettings, circuit: Circuit, verdict: Verdict, now: number): Circuit => {
  switch (verdict._tag) {
    case "success":
      return closed
    case "ignored":
      return { state: "open", until: now, openings: circuit.openings }
    case "failure":
      return opened(settings, circuit.openings, verdict, now)
  }
}

const opened = (
  { longestMs, openMs }: CircuitSettings,
  openings: number,
  { retryAfterMs }: Verdict & { readonly _tag: "failure" },
  now: number
): Circuit => {
  const own = openMs * 2 ** Math.min(openings, 20)
  const lasts = Math.min(longestMs, Math.max(own, retryAfterMs ?? 0))
  return { state: "open", until: now + lasts, openings: openings + 1 }
}
