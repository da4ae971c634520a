/** `noetl schema`: the language for editors. */
import { stringify } from "../../domain/Json.ts"
import { jsonSchema } from "../../playbook/jsonSchema.ts"
import { print } from "../print.ts"

export const schema = print(`${stringify(jsonSchema(), 2)}\n`)
