/** The version of the package, for --version and logs. */
import packageJson from "../../package.json" with { type: "json" }

export const version: string = packageJson.version
