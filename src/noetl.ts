/** The executable `noetl`. Wiring only. */
import { main } from "./cli/main.ts"
import { noetl } from "./cli/programs.ts"

main(noetl)
