/** Where the credentials of a run on this machine are. */
import { homedir } from "node:os"
import { join } from "node:path"
import type { Values } from "../../config/settings.ts"

/** `given` is the file that the command line names. */
export const credentialPlaces = (given: string | undefined, { credentialsFile }: Values) => ({
  credentialsFile: given ?? credentialsFile,
  credentialsFolder: join(homedir(), ".noetl", "credentials.d")
})
