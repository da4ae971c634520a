/**
 * Makes sure that what the tests run against is there: a nats-server, PostgreSQL, Python and pip; the demonstration asks
 * for Python alone. What is missing is installed with the system's package manager where that is allowed; else this says
 * what to install and ends with 1.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { postgresFolders } from "../test/support/postgresFolders.ts"

interface Need {
  readonly what: string
  readonly program: string
  /** A variable that names the program. */
  readonly variable?: string
  /** A variable that names one which runs already. */
  readonly running?: string
  readonly packages: { readonly apt: string; readonly brew: string; readonly nix: string }
}

const all: ReadonlyArray<Need> = [
  {
    what: "the NATS server",
    program: "nats-server",
    variable: "NATS_SERVER",
    running: "NATS_URL",
    packages: { apt: "nats-server", brew: "nats-server", nix: "nixpkgs#nats-server" }
  },
  {
    what: "PostgreSQL",
    program: "initdb",
    packages: { apt: "postgresql", brew: "postgresql", nix: "nixpkgs#postgresql" }
  },
  {
    what: "Python 3",
    program: "python3",
    variable: "PYTHON_PATH",
    packages: { apt: "python3", brew: "python3", nix: "nixpkgs#python3" }
  },
  {
    what: "pip, which scripts install their dependencies with",
    program: "pip3",
    variable: "PYTHON_PATH",
    packages: { apt: "python3-pip", brew: "python3", nix: "nixpkgs#python3Packages.pip" }
  }
]

/** Run by itself it takes the names of programs, and no name means all of them. */
const named = import.meta.main ? process.argv.slice(2) : []
const needs = all.filter(({ program }) => named.length === 0 || named.includes(program))

const found = (program: string): boolean =>
  [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/sbin",
    "/usr/local/sbin",
    ...postgresFolders()
  ].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** The package managers of this machine that we may use, with the words that install a package. */
const installers = (): ReadonlyArray<(need: Need) => ReadonlyArray<ReadonlyArray<string>>> => {
  const root = process.getuid?.() === 0
  const sudo = !root && found("sudo") && spawnSync("sudo", ["-n", "true"]).status === 0
  const as = root ? [] : ["sudo", "-n"]
  return [
    ...(found("apt-get") && (root || sudo)
      ? [
          ({ packages }: Need) => [
            [...as, "apt-get", "update", "-qq"],
            [
              ...as,
              "env",
              "DEBIAN_FRONTEND=noninteractive",
              "apt-get",
              "install",
              "-y",
              "-qq",
              "--no-install-recommends",
              packages.apt
            ]
          ]
        ]
      : []),
    ...(found("brew") ? [({ packages }: Need) => [["brew", "install", packages.brew]]] : []),
    ...(found("nix") ? [({ packages }: Need) => [["nix", "profile", "install", packages.nix]]] : [])
  ]
}

const isSet = (variable: string | undefined) => variable !== undefined && process.env[variable] !== undefined
const isThere = ({ program, running, variable }: Need) => isSet(variable) || isSet(running) || found(program)

for (const { program, running, what } of needs) {
  if (isSet(running) && !found(program))
    console.log(
      `setup: ${what} is taken from ${running}. There is no ${program} here: tests that stop, restart or configure ` +
        `a server of their own are skipped.`
    )
}

const missing = needs.filter((need) => !isThere(need))
for (const need of missing) {
  for (const commandsFor of installers()) {
    if (isThere(need)) break
    console.log(`setup: ${need.what} is missing; installing it`)
    try {
      for (const [program = "", ...args] of commandsFor(need))
        execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] })
    } catch (cause) {
      console.error(`setup: that did not work: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
}

const still = needs.filter((need) => !isThere(need))
for (const { packages, program, running, variable, what } of still) {
  console.error(
    `setup: ${what} (${program}) is needed and not there.\n` +
      `  Debian, Ubuntu: apt-get install ${packages.apt}\n  macOS: brew install ${packages.brew}\n  Nix: nix profile install ${packages.nix}\n` +
      (variable === undefined ? "  or put it on PATH." : `  or set ${variable} to the program.`) +
      (running === undefined ? "" : `\n  or set ${running} to the address of one that runs.`)
  )
}
if (still.length > 0) process.exit(1)
