/** The steps of a run in the order in which they were entered. */
export const entered = (
  events: ReadonlyArray<{ readonly type: string; readonly step: string | undefined }>
) => events.filter(({ type }) => type === "step.enter").map(({ step }) => step ?? "")
