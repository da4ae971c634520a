/** The one way to print a URL: without user, password, query and fragment, which may hold secrets. */
export const shownUrl = (url: string): string =>
  url
    .split(",")
    .map((one) => shownOne(one.trim()))
    .join(",")

const shownOne = (url: string): string => {
  if (!URL.canParse(url)) return url.replace(/\/\/[^/@\s]*@/, "//…@").replace(/[?#].*$/s, "")
  const { host, pathname, protocol } = new URL(url)
  return host === "" ? `${protocol}${pathname}` : `${protocol}//${host}${pathname === "/" ? "" : pathname}`
}
