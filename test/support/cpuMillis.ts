/** CPU milliseconds that this process took for something: other processes of a busy machine do not count. */
export const cpuMillis = (work: () => void): number => {
  const before = process.cpuUsage()
  work()
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1000
}
