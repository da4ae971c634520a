/** For tests: a whole worker in memory, a tool that answers what it is told, the contracts as suites. */
export { aCommand } from "./aCommand.ts"
export { StubCalls, StubTool } from "./StubTool.ts"
export * as TestWorker from "./TestWorker.ts"
export { MemoryControlPlane } from "../control-plane/MemoryControlPlane.ts"
export { MemoryQueue } from "../queue/MemoryQueue.ts"
export * as ControlPlaneSuite from "./ControlPlaneSuite.ts"
export * as QueueSuite from "./QueueSuite.ts"
export * as ToolSuite from "./ToolSuite.ts"
