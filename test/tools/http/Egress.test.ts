import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { networkInterfaces } from "node:os"
import { classOf, isWithin } from "../../../src/domain/addresses.ts"
import { development, Egress, type EgressRules, production } from "../../../src/tools/http/Egress.ts"

const verdict = (url: string, options: Partial<EgressRules>) =>
  Effect.gen(function* () {
    const egress = yield* Egress
    return egress.checkUrl(new URL(url)) === undefined ? "allowed" : "refused"
  }).pipe(Effect.provide(Egress.layerWith(options)), Effect.runSync)

const policy = (options: EgressRules) =>
  Egress.pipe(Effect.provide(Egress.layerWith(options)), Effect.runSync)

const everywhere: Partial<EgressRules> = development
const strict: Partial<EgressRules> = production([])

describe("an address by another spelling", () => {
  it.each([
    "http://0xa9fea9fe/",
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://0251.0376.0251.0376/",
    "http://2852039166/",
    "http://169.254.43518/",
    "http://169.16689662/",
    "http://169.254.169.254./",
    "http://169%2e254%2e169%2e254/",
    "http://169。254。169。254/",
    "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/",
    "http://１６９.２５４.１６９.２５４/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::FFFF:A9FE:A9FE]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://user@169.254.169.254/",
    "http:\\\\169.254.169.254\\",
    "http://169.254.169.254#@example.com/"
  ])("%s is the metadata service", (url) => {
    assert.strictEqual(verdict(url, everywhere), "refused")
  })

  it.each([
    ["0x7f.1", "loopback"],
    ["0177.0.0.1", "loopback"],
    ["2130706433", "loopback"],
    ["127.1", "loopback"],
    ["0", "unspecified"],
    ["[fe80::1%25eth0]", "link-local"],
    ["::1%lo", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["fe80::1.2.3.4", "link-local"]
  ] as const)("%s is %s", (address, class_) => {
    assert.strictEqual(classOf(address), class_)
  })

  it.each(["", "localhost", "1.2.3.4.5", "256.1.1.1", "::1::", "fe80::g", "0x", "1..2", " 1.2.3.4"])(
    "%j is no address",
    (text) => assert.isUndefined(classOf(text))
  )

  it.each([
    ["127.0.0.1", "127", false],
    ["127.0.0.1", "0x7f000001", false],
    ["0x7f.1", "127.0.0.0/8", true],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["10.1.2.3", "::/0", false],
    ["fe80::1%eth0", "fe80::/10", true]
  ] as const)("%s within %s: %s", (address, block, within) => {
    assert.strictEqual(isWithin(address, block), within)
  })
})

describe("where an address leads", () => {
  it.each([
    ["93.184.216.34", "public"],
    ["2606:2800:220:1::1", "public"],
    ["10.1.2.3", "private"],
    ["172.31.255.255", "private"],
    ["172.32.0.0", "public"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["fd12:3456::1", "private"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["::1", "loopback"],
    ["169.254.1.1", "link-local"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["169.254.169.254", "metadata"],
    ["100.100.100.200", "metadata"],
    ["192.0.0.192", "metadata"],
    ["168.63.129.16", "metadata"],
    ["fd00:ec2::254", "metadata"],
    ["fd00:ec2::23", "metadata"],
    ["fd00:ec2:ffff::1", "metadata"],
    ["fd00:ec3::254", "private"],
    ["fd00:42::42", "metadata"],
    ["fd00:42::43", "private"],
    ["64:ff9b:1:808:8:808:5db8:d822", "reserved"],
    ["fd20:ce::254", "metadata"],
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["::", "unspecified"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.250", "multicast"],
    ["ff02::1", "multicast"],
    ["255.255.255.255", "reserved"],
    ["240.0.0.1", "reserved"],
    ["::ffff:169.254.169.254", "metadata"],
    ["::ffff:a9fe:a9fe", "metadata"],
    ["::ffff:0:169.254.169.254", "metadata"],
    ["::169.254.169.254", "metadata"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:0.0.0.0", "unspecified"],
    ["::ffff:224.0.0.1", "multicast"],
    ["::ffff:93.184.216.34", "public"],
    ["64:ff9b::169.254.169.254", "metadata"],
    ["64:ff9b::a9fe:a9fe", "metadata"],
    ["64:ff9b::127.0.0.1", "loopback"],
    ["64:ff9b::93.184.216.34", "public"],
    ["64:ff9b:1::a9fe:a9fe", "metadata"],
    ["64:ff9b:1:a9fe:a9:fe00::", "metadata"],
    ["2002:a9fe:a9fe::1", "metadata"],
    ["2002:0a00:0001::1", "private"],
    ["2001::5601:5601", "metadata"],
    ["2001:db8::1", "public"]
  ])("%s is %s", (address, class_) => {
    assert.strictEqual(classOf(address), class_)
  })

  it.each([
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.130", "10.1.2.128/25", true],
    ["10.1.2.127", "10.1.2.128/25", false],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["fd00::1", "fd00::/8", true],
    ["fe00::1", "fd00::/8", false],
    ["10.1.2.3", "nonsense", false],
    ["0.0.0.0", "0.0.0.0/0", true]
  ])("%s within %s: %s", (address, block, within) => {
    assert.strictEqual(isWithin(address, block), within)
  })
})

describe("the policy for a URL", () => {
  it.each<readonly [string, Partial<EgressRules>, "allowed" | "refused"]>([
    ["http://example.com/", strict, "allowed"],
    ["https://93.184.216.34/", strict, "allowed"],
    // other schemes
    ["ftp://example.com/", everywhere, "refused"],
    ["file:///etc/passwd", everywhere, "refused"],
    ["data:text/plain,x", everywhere, "refused"],
    ["gopher://127.0.0.1:6379/_x", everywhere, "refused"],
    // refused wherever the worker runs
    ["http://169.254.169.254/latest/meta-data/", everywhere, "refused"],
    ["http://169.254.7.7/", everywhere, "refused"],
    ["http://[fe80::1]/", everywhere, "refused"],
    ["http://0.0.0.0:8080/", everywhere, "refused"],
    ["http://0/", everywhere, "refused"],
    ["http://[::]/", everywhere, "refused"],
    ["http://224.0.0.1/", everywhere, "refused"],
    ["http://[ff02::1]/", everywhere, "refused"],
    ["http://255.255.255.255/", everywhere, "refused"],
    ["http://[::ffff:169.254.169.254]/", everywhere, "refused"],
    ["http://[::ffff:a9fe:a9fe]/", everywhere, "refused"],
    ["http://[64:ff9b::169.254.169.254]/", everywhere, "refused"],
    ["http://[fd00:ec2::254]/", everywhere, "refused"],
    // one address, many spellings
    ["http://2852039166/", everywhere, "refused"],
    ["http://0xa9fea9fe/", everywhere, "refused"],
    ["http://0xa9.0xfe.0xa9.0xfe/", everywhere, "refused"],
    ["http://0251.0376.0251.0376/", everywhere, "refused"],
    ["http://169.254.43518/", everywhere, "refused"],
    ["http://169.254.169.254./", everywhere, "refused"],
    ["http://①⑥⑨.254.169.254/", everywhere, "refused"],
    ["http://2130706433/", strict, "refused"],
    ["http://017700000001/", strict, "refused"],
    ["http://0x7f.1/", strict, "refused"],
    ["http://127.1/", strict, "refused"],
    ["http://127.0.0.1./", strict, "refused"],
    // what looks like a host and is a user
    ["http://example.com@169.254.169.254/", everywhere, "refused"],
    ["http://example.com:80@169.254.169.254/", everywhere, "refused"],
    ["http://169.254.169.254@example.com/", strict, "allowed"],
    ["http://example.com\\@169.254.169.254/", strict, "allowed"],
    // by configuration
    ["http://10.0.0.1/", everywhere, "allowed"],
    ["http://10.0.0.1/", strict, "refused"],
    ["http://10.0.0.1/", production(["private"]), "allowed"],
    ["http://10.0.0.1/", production(["10.0.0.0/24"]), "allowed"],
    ["http://10.0.1.1/", production(["10.0.0.0/24"]), "refused"],
    ["http://127.0.0.1/", everywhere, "allowed"],
    ["http://127.0.0.1/", production(["private"]), "refused"],
    ["http://[::1]/", production(["loopback"]), "allowed"],
    ["http://[::ffff:10.0.0.1]/", production(["10.0.0.0/24"]), "allowed"],
    ["http://169.254.169.254/", production(["169.254.169.254"]), "allowed"],
    ["http://169.254.169.254/", production(["private", "loopback"]), "refused"],
    ["http://example.com/", { deny: ["example.com"] }, "refused"],
    ["http://EXAMPLE.com./", { deny: ["example.com"] }, "refused"],
    ["http://a.b.example.com/", { deny: ["*.example.com"] }, "refused"],
    ["http://10.0.0.1/", { deny: ["10.0.0.0/8"] }, "refused"],
    // the worker itself
    ["http://127.0.0.1:9090/", { ownPorts: [9090] }, "refused"],
    ["http://[::1]:9090/", { ownPorts: [9090] }, "refused"],
    ["http://[::ffff:127.0.0.1]:9090/", { ownPorts: [9090] }, "refused"],
    ["http://127.0.0.1:9091/", { ownPorts: [9090] }, "allowed"],
    ["http://10.255.255.254:9090/", { ownPorts: [9090] }, "allowed"],
    ["http://127.0.0.1/", { ownPorts: [80] }, "refused"],
    ["https://127.0.0.1/", { ownPorts: [443] }, "refused"]
  ])("%s", (url, options, expected) => {
    assert.strictEqual(verdict(url, options), expected)
  })

  it.each([
    ["169.254.169.254", "refused"],
    ["fd00:ec2::23", "refused"],
    ["169.254.1.1", "refused"],
    ["0.0.0.0", "refused"],
    ["64:ff9b:1::a9fe:a9fe", "refused"],
    ["127.0.0.1", "allowed"],
    ["10.0.0.1", "allowed"]
  ])("a name of the allow list that leads to %s is %s", (address, expected) => {
    for (const entry of ["api.example.com", "*.example.com"]) {
      const refused = policy(production([entry])).checkAddress(address, 80, "api.example.com")
      assert.strictEqual(refused === undefined ? "allowed" : "refused", expected, refused?.message)
    }
  })

  it("an address that is refused everywhere is opened by itself alone", () => {
    const rules = policy(production(["169.254.169.254"]))
    assert.isUndefined(rules.checkAddress("169.254.169.254", 80, "metadata.google.internal"))
    assert.isDefined(rules.checkAddress("169.254.169.253", 80, "metadata.google.internal"))
  })

  it("refuses the worker's ports on every address of the machine", () => {
    const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    for (const { address, family } of own) {
      const host = family === "IPv6" ? `[${address}]` : address
      assert.strictEqual(
        verdict(`http://${host}:9090/`, { allow: ["private", "loopback"], ownPorts: [9090] }),
        "refused"
      )
    }
  })

  it.effect("protects a port for as long as a server listens on it", () =>
    Effect.gen(function* () {
      const egress = yield* Egress
      const check = () =>
        egress.checkUrl(new URL("http://localhost4:7777")) ?? egress.checkAddress("127.0.0.1", 7777, "x")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* egress.protectPort(7777)
          assert.isDefined(check())
        })
      )
      assert.isUndefined(check())
    }).pipe(Effect.provide(Egress.layerWith({})))
  )
})
