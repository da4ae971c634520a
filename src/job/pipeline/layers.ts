/** What stands between a command and its tool: templates, credentials, results, masking. */
import { Layer } from "effect"
import { Credentials } from "../../credentials/Credentials.ts"
import * as MemoryResultStore from "../../results/MemoryResultStore.ts"
import { Results } from "../../results/Results.ts"
import { Redactor } from "../../secrets/Redactor.ts"
import { Template } from "../../template/Template.ts"

/** Templates and credentials, over a control plane and a redactor that the caller provides. */
export const layerWith = (options: { readonly retypeStrings: boolean }) =>
  Layer.mergeAll(Template.layerWith(options), Credentials.layer)

/** The whole pipeline with everything in memory, for embedders and tests. Needs a control plane. */
export const layerMemory = Layer.mergeAll(
  layerWith({ retypeStrings: false }),
  Results.layer.pipe(Layer.provide(MemoryResultStore.layer()))
).pipe(Layer.provideMerge(Redactor.layer))
