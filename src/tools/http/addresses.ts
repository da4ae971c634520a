/** Where an IP address leads. Pure; every form that hides an IPv4 address in an IPv6 one is looked through. */
import { isIPv4, isIPv6 } from "node:net"

export type AddressClass =
  | "public"
  | "private"
  | "loopback"
  | "metadata"
  | "link-local"
  | "unspecified"
  | "multicast"
  | "reserved"

/** Undefined for text that is not an address. */
export const classOf = (address: string): AddressClass | undefined => {
  const bytes = bytesOf(address)
  return bytes === undefined ? undefined : classOfBytes(bytes)
}

/** Whether the address lies in a block: `10.0.0.0/8`, `fd00::/8`, or a single address. */
export const isWithin = (address: string, block: string): boolean => {
  const [network = "", length] = block.split("/")
  const bytes = bytesOf(address)
  const start = bytesOf(network)
  if (bytes === undefined || start === undefined) return false
  const bits = length === undefined ? start.length * 8 : Number(length)
  return [bytes, ...embeddedIn(bytes)].some((candidate) => matches(candidate, start, bits))
}

const classOfBytes = (bytes: Uint8Array): AddressClass => {
  if (bytes.length === 4) return find(v4, bytes)
  const own = find(v6, bytes)
  // The worst of what it stands for: a translator may read it either way.
  return embeddedIn(bytes)
    .map(classOfBytes)
    .reduce((worst, next) => (severity.indexOf(next) > severity.indexOf(worst) ? next : worst), own)
}

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

type Block = readonly [network: string, bits: number, class_: AddressClass]

/** The first that matches counts. Metadata services outside the link-local blocks: Alibaba, Oracle, Azure, AWS, Scaleway, Google. */
const v4Blocks: ReadonlyArray<Block> = [
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
]

const v6Blocks: ReadonlyArray<Block> = [
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
]

/** IPv4 addresses inside an IPv6 one, with the offsets of their bytes. */
const wrappers: ReadonlyArray<readonly [network: string, bits: number, offsets: ReadonlyArray<number>]> = [
  ["::ffff:0:0", 96, [12, 13, 14, 15]],
  ["::ffff:0:0:0", 96, [12, 13, 14, 15]],
  ["::", 96, [12, 13, 14, 15]],
  ["64:ff9b::", 96, [12, 13, 14, 15]],
  // A network's own NAT64 prefix: where the address stands depends on its length (RFC 6052).
  ["64:ff9b:1::", 48, [12, 13, 14, 15]],
  ["64:ff9b:1::", 48, [6, 7, 9, 10]],
  ["2002::", 16, [2, 3, 4, 5]]
]

const embeddedIn = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  if (bytes.length === 4 || isOneOfItsOwn(bytes)) return []
  const plain = wrapped.flatMap(([network, bits, offsets]) =>
    matches(bytes, network, bits) ? [Uint8Array.from(offsets, (at) => bytes[at] ?? 0)] : []
  )
  // Teredo hides the client's address by turning its bits around.
  return matches(bytes, teredo, 32) ? [...plain, bytes.slice(12).map((byte) => byte ^ 0xff)] : plain
}

/** `::` and `::1` lie in the block of the deprecated IPv4-compatible addresses and are none. */
const isOneOfItsOwn = (bytes: Uint8Array): boolean =>
  bytes.subarray(0, 15).every((byte) => byte === 0) && (bytes[15] ?? 0) < 2

const find = (blocks: typeof v4, bytes: Uint8Array): AddressClass =>
  blocks.find(([network, bits]) => matches(bytes, network, bits))?.[2] ?? "public"

const matches = (bytes: Uint8Array, network: Uint8Array, bits: number): boolean => {
  if (bytes.length !== network.length) return false
  for (let at = 0; at * 8 < bits; at++) {
    const shift = Math.max(0, 8 - (bits - at * 8))
    if ((bytes[at] ?? 0) >> shift !== (network[at] ?? 0) >> shift) return false
  }
  return true
}

// --- text to bytes ---

const bytesOf = (text: string): Uint8Array | undefined => {
  // A zone (`fe80::1%eth0`) names an interface, not another address.
  const address = text.replace(/^\[|\]$/g, "").split("%")[0] ?? ""
  if (isIPv4(address)) return Uint8Array.from(address.split("."), Number)
  return isIPv6(address) ? bytesOfV6(address) : undefined
}

const bytesOfV6 = (address: string): Uint8Array => {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":")
  )
  const [left = "", right] = hex.split("::")
  const groups = (part: string): Array<string> => (part === "" ? [] : part.split(":"))
  const head = groups(left)
  const tail = right === undefined ? [] : groups(right)
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail]
  return Uint8Array.from(
    all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255])
  )
}

const compiled = (blocks: ReadonlyArray<Block>) =>
  blocks.map(([network, bits, class_]) => [bytesOf(network) ?? new Uint8Array(), bits, class_] as const)

const v4 = compiled(v4Blocks)
const v6 = compiled(v6Blocks)
const teredo = bytesOf("2001::") ?? new Uint8Array()
const wrapped = wrappers.map(
  ([network, bits, offsets]) => [bytesOf(network) ?? new Uint8Array(), bits, offsets] as const
)
