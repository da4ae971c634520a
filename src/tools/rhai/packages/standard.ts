/** Rhai's standard packages. */
import { Natives } from "../machine/Natives.ts"
import { arrayCallbacks } from "./arrayCallbacks.ts"
import { arrays } from "./arrays.ts"
import { bits } from "./bits.ts"
import { blobNumbers } from "./blobNumbers.ts"
import { blobs } from "./blobs.ts"
import { core } from "./core.ts"
import { iterators } from "./iterators.ts"
import { maps } from "./maps.ts"
import { math } from "./math.ts"
import { splitting } from "./splitting.ts"
import { strings } from "./strings.ts"
import { time } from "./time.ts"

const packages = [
  core,
  math,
  bits,
  iterators,
  time,
  strings,
  splitting,
  arrays,
  arrayCallbacks,
  maps,
  blobs,
  blobNumbers
]

/** A fresh table of everything a script has without a host. */
export const standard = (): Natives => {
  const natives = new Natives()
  for (const register of packages) register(natives)
  return natives
}
