/**
 * Where this worker's requests may go. The URL is checked before anything is sent, and its address
 * when the connection is made, on every redirect again: a name may resolve differently between the two checks.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from "node:dns"
import { isIP } from "node:net"
import { networkInterfaces } from "node:os"
import { type AddressClass, classOf, isWithin, refusedEverywhere } from "../../domain/addresses.ts"

export interface EgressRules {
  /**
   * What is let through beyond public addresses: `private`, `loopback`, addresses and blocks (`10.1.0.0/16`), names
   * (`db.example.com`, `*.svc.cluster.local`). An address or a block listed here wins over every other rule save
   * `deny` and the worker's own ports. A name opens private and loopback addresses only.
   */
  readonly allow: ReadonlyArray<string>
  /** Addresses, blocks and names that are refused in any case. */
  readonly deny: ReadonlyArray<string>
  /** Ports on which the worker itself listens; see also `protectPort`. */
  readonly ownPorts: ReadonlyArray<number>
  /** How names are resolved. */
  readonly lookup: Lookup
}

export type Lookup = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: ReadonlyArray<LookupAddress>) => void
) => void

/** Why a request is refused. */
export class Refused extends Error {
  readonly code = "EGRESS_REFUSED"
}

/** On a developer's machine everything is near. See docs/decisions/020-egress.md. */
export const development: EgressRules = {
  allow: ["private", "loopback"],
  deny: [],
  ownPorts: [],
  lookup: (hostname, options, callback) => dnsLookup(hostname, options, callback)
}

/** Public addresses and what is named. */
export const production = (allow: ReadonlyArray<string>): EgressRules => ({ ...development, allow })

/** Where requests may go. There is no default: every composition of tools decides. */
export class EgressOptions extends Context.Service<EgressOptions, EgressRules>()(
  "noetl-worker/tools/http/EgressOptions"
) {
  static readonly layer = (rules: Partial<EgressRules>): Layer.Layer<EgressOptions> =>
    Layer.succeed(EgressOptions, { ...development, ...rules })

  /** Public, private and loopback addresses. */
  static readonly layerDevelopment = EgressOptions.layer(development)

  /** Public addresses, and the addresses, blocks and names that are listed. */
  static readonly layerProduction = (allow: ReadonlyArray<string> = []): Layer.Layer<EgressOptions> =>
    EgressOptions.layer(production(allow))
}

export class Egress extends Context.Service<
  Egress,
  {
    /** Checks what is known before a name is resolved: scheme, literal addresses, names. */
    readonly checkUrl: (url: URL) => Refused | undefined
    /** For the moment of connecting. `hostname` is what the address was found under. */
    readonly checkAddress: (address: string, port: number, hostname: string) => Refused | undefined
    /** Resolves a name to those of its addresses that may be connected to; fails when there is none. */
    readonly lookup: (port: number) => Lookup
    /** Refuses a port of this machine while the scope is open: for servers that the worker runs. */
    readonly protectPort: (port: number) => Effect.Effect<void, never, Scope.Scope>
  }
>()("noetl-worker/tools/http/Egress") {
  static readonly layer = Layer.effect(Egress, Effect.map(EgressOptions, make))
  static readonly layerWith = (options: Partial<EgressRules>) =>
    Layer.sync(Egress, () => make({ ...development, ...options }))
}

function make(options: EgressRules): Egress["Service"] {
  const ownPorts = new Map<number, number>(options.ownPorts.map((port) => [port, 1]))

  const checkAddress = (address: string, port: number, hostname: string): Refused | undefined => {
    const class_ = classOf(address)
    if (class_ === undefined) return new Refused(`not an address: ${address}`)
    if (listed(options.deny, address, hostname)) return new Refused(`${address} is on the deny list`)
    if (ownPorts.has(port) && isOwnAddress(address, class_)) {
      return new Refused(`${address}:${port} is the worker's own port`)
    }
    // A name leads wherever its owner points it, so it opens nothing that is refused everywhere.
    const named = refusedEverywhere.has(class_) ? address : hostname
    if (listed(options.allow, address, named) || allowedClass(options.allow, class_)) return undefined
    return new Refused(
      `${hostname === address ? "" : `${hostname} is `}${address}: ${class_} addresses are not allowed`
    )
  }

  const checkUrl = (url: URL): Refused | undefined => {
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      return new Refused(`${url.protocol}// is not allowed: only http and https`)
    }
    const host = hostOf(url)
    if (isIP(host) !== 0) return checkAddress(host, portOf(url), host)
    return listed(options.deny, "", host) ? new Refused(`${host} is on the deny list`) : undefined
  }

  const lookup =
    (port: number): Lookup =>
    (hostname, lookupOptions, callback) =>
      options.lookup(hostname, { ...lookupOptions, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, [])
        const refusals = addresses.map(({ address }) => checkAddress(address, port, nameOf(hostname)))
        const allowed = addresses.filter((_, at) => refusals[at] === undefined)
        if (allowed.length > 0) return callback(null, allowed)
        callback(
          refusals.find((refusal) => refusal !== undefined) ?? new Refused(`${hostname} has no address`),
          []
        )
      })

  const count = (port: number, by: number): void => {
    const left = (ownPorts.get(port) ?? 0) + by
    if (left > 0) ownPorts.set(port, left)
    else ownPorts.delete(port)
  }

  return Egress.of({
    checkUrl,
    checkAddress,
    lookup,
    protectPort: (port) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => count(port, 1)),
          () => Effect.sync(() => count(port, -1))
        )
      )
  })
}

/** The host of a URL as it is looked up: without the brackets of IPv6 and the dot of a full name. */
export const hostOf = (url: URL): string => nameOf(url.hostname.replace(/^\[|\]$/g, ""))

export const portOf = (url: URL): number =>
  url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)

// --- helpers ---

const nameOf = (hostname: string): string => hostname.toLowerCase().replace(/\.$/, "")

const allowedClass = (allow: ReadonlyArray<string>, class_: AddressClass): boolean =>
  class_ === "public" || ((class_ === "private" || class_ === "loopback") && allow.includes(class_))

const listed = (list: ReadonlyArray<string>, address: string, hostname: string): boolean =>
  list.some((entry) => {
    const name = nameOf(entry)
    if (name.startsWith("*.")) return hostname.endsWith(name.slice(1))
    return name === hostname || isWithin(address, name)
  })

const isOwnAddress = (address: string, class_: AddressClass): boolean =>
  class_ === "loopback" ||
  class_ === "unspecified" ||
  Object.values(networkInterfaces()).some((entries) =>
    entries?.some((entry) => isWithin(address, entry.address))
  )
