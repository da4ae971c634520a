/** The words of `noetl run`. */
export interface Input {
  readonly ref: string | undefined
  readonly target: string | undefined
  readonly runtime: "auto" | "local" | "distributed"
  readonly set: ReadonlyArray<string>
  readonly payload: string | undefined
  readonly input: string | undefined
  readonly merge: boolean
  readonly credentials: string | undefined
  readonly catalog: ReadonlyArray<string>
  readonly dryRun: boolean
  readonly json: boolean
  readonly events: string | undefined
  readonly concurrency: number
  readonly timeout: string | undefined
  readonly state: string | undefined
  readonly resume: boolean
  readonly strict: boolean
  readonly forceProfile: boolean
  readonly noNormalize: boolean
  readonly quiet: boolean
  readonly serve: boolean
  readonly watch: boolean
  readonly endpoint: string | undefined
}
