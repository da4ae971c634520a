/** The executable `nebula-worker`. Wiring only. */
import { main } from "./cli/main.ts"
import { nebulaWorker } from "./cli/programs.ts"

main(nebulaWorker)
