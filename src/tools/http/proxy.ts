/** Which proxy a URL goes through, by the rules of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
import { isWithin } from "../../domain/addresses.ts"
import { hostOf, portOf } from "./Egress.ts"
import type { SafeHttpSettings } from "./SafeHttpOptions.ts"

export const proxyOf = (proxy: SafeHttpSettings["proxy"], url: URL): string | undefined => {
  const address = url.protocol === "https:" ? proxy.https : proxy.http
  if (address === undefined || address === "" || isExempt(proxy.no ?? "", url)) return undefined
  return address.includes("://") ? address : `http://${address}`
}

const isExempt = (list: string, url: URL): boolean => {
  const host = hostOf(url)
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
      if (entry === "*" || isWithin(host, entry)) return true
      if (port !== undefined && Number(port) !== portOf(url)) return false
      const suffix = name.replace(/^\*?\.?/, "")
      return host === suffix || host.endsWith(`.${suffix}`)
    })
}
