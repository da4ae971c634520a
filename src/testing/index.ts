/** For tests: a whole worker in memory, a tool that answers what it is told, the contracts as suites. */
export { aCommand } from "./aCommand.ts"
export { StubCalls, StubTool } from "./StubTool.ts"
export * as TestWorker from "./TestWorker.ts"
export { MemoryControlPlane } from "../control-plane/MemoryControlPlane.ts"
export { MemoryQueue } from "../queue/MemoryQueue.ts"
export * as ControlPlaneSuite from "./suites/ControlPlaneSuite.ts"
export * as QueueSuite from "./suites/QueueSuite.ts"
export * as ToolSuite from "./suites/ToolSuite.ts"
