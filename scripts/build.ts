/** Bundles the executable, and emits the library with its declarations. `--bundle` leaves the library out. */
import { execFileSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import * as Job from "../src/jobs/jsonSchema.ts"
import * as Playbook from "../src/playbook/jsonSchema.ts"
import { bundle } from "./bundle.ts"

const write = (file: string, schema: unknown) =>
  writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`)

await bundle("dist")
write("dist/playbook.schema.json", Playbook.jsonSchema())
rmSync("lib", { recursive: true, force: true })
if (!process.argv.includes("--bundle")) {
  execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" })
  write("lib/job.schema.json", Job.jsonSchema())
}
console.log("built dist/ and lib/")
