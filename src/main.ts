/** The executable `noetl-worker`. Wiring only. */
import { main } from "./cli/main.ts"
import { noetlWorker } from "./cli/programs.ts"

main(noetlWorker)
