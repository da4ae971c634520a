/** The control plane of a NoETL server as tests configure it. */
import { Duration } from "effect"
import * as NoetlControlPlane from "../../src/control-plane/noetl/NoetlControlPlane.ts"

export const noetlPlane = (serverUrl: string, more: Partial<NoetlControlPlane.Settings> = {}) =>
  NoetlControlPlane.layer({
    protocol: "python2",
    serverUrl,
    allowedServers: [],
    workerId: "w1",
    workerIdIsGenerated: true,
    pool: "default",
    capacity: 4,
    token: undefined,
    timeout: Duration.seconds(5),
    ...more
  })
