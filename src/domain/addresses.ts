/** Where an IP address leads. Pure; every form that hides an IPv4 address in an IPv6 one is looked through. */
import ipaddr from "ipaddr.js"
import { isIP } from "node:net"

export type AddressClass =
  | "public"
  | "private"
  | "loopback"
  | "metadata"
  | "link-local"
  | "unspecified"
  | "multicast"
  | "reserved"

/** Undefined for text that is not an address. Every spelling that a system's resolver takes is one. */
export const classOf = (address: string): AddressClass | undefined => {
  const found = parsed(address)
  return found === undefined ? undefined : classOfAddress(found)
}

/** Whether the address lies in a block: `10.0.0.0/8`, `fd00::/8`, or a single address. */
export const isWithin = (address: string, block: string): boolean => {
  const [network = "", length] = block.split("/")
  // `10` and `0x7f` are addresses to a resolver, and names or mistakes in a list.
  const start = isIP(network) === 0 ? undefined : parsed(network)
  const found = parsed(address)
  if (found === undefined || start === undefined) return false
  const bits = length === undefined ? start.toByteArray().length * 8 : Number(length)
  return [found, ...embeddedIn(found)].some((candidate) => matches(candidate, [start, bits]))
}

/** Opened by nothing but an entry of a list that is the address itself or its block. */
export const refusedEverywhere: ReadonlySet<AddressClass> = new Set([
  "metadata",
  "link-local",
  "unspecified",
  "multicast",
  "reserved"
])

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Block = readonly [network: Address, bits: number]

const classOfAddress = (address: Address): AddressClass => {
  const own = find(address.kind() === "ipv4" ? v4Blocks : v6Blocks, address)
  // The worst of what it stands for: a translator may read it either way.
  return embeddedIn(address)
    .map(classOfAddress)
    .reduce((worst, next) => (severity.indexOf(next) > severity.indexOf(worst) ? next : worst), own)
}

const parsed = (text: string): Address | undefined => {
  // A zone (`fe80::1%eth0`) names an interface, not another address.
  const address = text.replace(/^\[|\]$/g, "").split("%")[0] ?? ""
  return ipaddr.isValid(address) ? ipaddr.parse(address) : undefined
}

const matches = (address: Address, [network, bits]: Block): boolean =>
  address.kind() === network.kind() && address.match(network, bits)

const severity: ReadonlyArray<AddressClass> = [
  "public",
  "private",
  "loopback",
  "reserved",
  "multicast",
  "unspecified",
  "link-local",
  "metadata"
]

/** The first that matches counts. Metadata services outside the link-local blocks: Alibaba, Oracle, Azure, AWS, Scaleway, Google. */
const v4Blocks = blocksOf([
  ["169.254.169.254", 32, "metadata"],
  ["100.100.100.200", 32, "metadata"],
  ["192.0.0.192", 32, "metadata"],
  ["168.63.129.16", 32, "metadata"],
  ["169.254.0.0", 16, "link-local"],
  ["0.0.0.0", 8, "unspecified"],
  ["127.0.0.0", 8, "loopback"],
  ["10.0.0.0", 8, "private"],
  ["172.16.0.0", 12, "private"],
  ["192.168.0.0", 16, "private"],
  ["100.64.0.0", 10, "private"],
  ["192.0.0.0", 24, "private"],
  ["198.18.0.0", 15, "private"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"]
])

const v6Blocks = blocksOf([
  ["fd00:ec2::", 32, "metadata"],
  ["fd00:42::42", 128, "metadata"],
  ["fd20:ce::254", 128, "metadata"],
  ["::", 128, "unspecified"],
  ["::1", 128, "loopback"],
  ["fe80::", 10, "link-local"],
  ["fec0::", 10, "private"],
  ["fc00::", 7, "private"],
  // A translation prefix of some network: what it leads to is that network's choice (RFC 8215).
  ["64:ff9b:1::", 48, "reserved"],
  ["ff00::", 8, "multicast"]
])

/** IPv4 addresses inside an IPv6 one, with the offsets of their bytes. */
const wrappers = (
  [
    ["::ffff:0:0", 96, [12, 13, 14, 15]],
    ["::ffff:0:0:0", 96, [12, 13, 14, 15]],
    ["::", 96, [12, 13, 14, 15]],
    ["64:ff9b::", 96, [12, 13, 14, 15]],
    // A network's own NAT64 prefix: where the address stands depends on its length (RFC 6052).
    ["64:ff9b:1::", 48, [12, 13, 14, 15]],
    ["64:ff9b:1::", 48, [6, 7, 9, 10]],
    ["2002::", 16, [2, 3, 4, 5]]
  ] as const
).map(([network, bits, offsets]) => ({ block: [ipaddr.parse(network), bits] as const, offsets }))

const teredo = [ipaddr.parse("2001::"), 32] as const
const ownOfV6 = [ipaddr.parse("::"), 127] as const

const embeddedIn = (address: Address): ReadonlyArray<Address> => {
  // `::` and `::1` lie in the block of the deprecated IPv4-compatible addresses and are none.
  if (address.kind() === "ipv4" || matches(address, ownOfV6)) return []
  const bytes = address.toByteArray()
  const plain = wrappers.flatMap(({ block, offsets }) =>
    matches(address, block) ? [new ipaddr.IPv4(offsets.map((at) => bytes[at] ?? 0))] : []
  )
  // Teredo hides the client's address by turning its bits around.
  return matches(address, teredo)
    ? [...plain, new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff))]
    : plain
}

type Table = ReadonlyArray<readonly [block: Block, class_: AddressClass]>

function blocksOf(
  written: ReadonlyArray<readonly [network: string, bits: number, class_: AddressClass]>
): Table {
  return written.map(([network, bits, class_]) => [[ipaddr.parse(network), bits], class_])
}

const find = (table: Table, address: Address): AddressClass =>
  table.find(([block]) => matches(address, block))?.[1] ?? "public"
