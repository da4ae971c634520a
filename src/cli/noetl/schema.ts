/** `noetl schema`: the language for editors. */
import { Effect } from "effect"
import { stringify } from "../../domain/Json.ts"
import { jsonSchema } from "../../playbook/jsonSchema.ts"

export const schema = Effect.sync(() => void process.stdout.write(`${stringify(jsonSchema(), 2)}\n`))
