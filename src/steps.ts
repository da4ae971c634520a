/** What stands between a command and its tool, with everything in memory: templates, credentials, results, masking. */
import { Layer } from "effect"
import { Credentials } from "./credentials/Credentials.ts"
import * as MemoryResultStore from "./results/MemoryResultStore.ts"
import { Results } from "./results/Results.ts"
import { Redactor } from "./secrets/Redactor.ts"
import { Template } from "./template/Template.ts"

export const steps = Layer.mergeAll(
  Template.layer,
  Credentials.layer,
  Results.layer.pipe(Layer.provide(MemoryResultStore.layer()))
).pipe(Layer.provideMerge(Redactor.layer))
