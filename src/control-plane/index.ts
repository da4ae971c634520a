/** Every control plane a worker can be told to work for. */
export { ControlPlane, ControlPlaneError, Owner } from "./ControlPlane.ts"
export { MemoryControlPlane } from "./MemoryControlPlane.ts"
export * as NoetlControlPlane from "./noetl/NoetlControlPlane.ts"
export * as JobControlPlane from "./jobs/JobControlPlane.ts"
