/** Text of a URL or a header, decoded; one with a percent sign that was written as it is stays as it is. */
export const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
