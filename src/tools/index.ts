/** Every tool this worker ships. A new one is one file and one line here. */
import { ArtifactTool } from "./ArtifactTool.ts"
import { DuckdbTool } from "./DuckdbTool.ts"
import { HttpTool } from "./HttpTool.ts"
import { NoopTool } from "./NoopTool.ts"
import { PostgresTool } from "./PostgresTool.ts"
import { PlaybookTool } from "./PlaybookTool.ts"
import { PythonTool } from "./PythonTool.ts"
import { RhaiTool } from "./RhaiTool.ts"
import { ScriptTool } from "./script/ScriptTool.ts"
import { ShellTool } from "./ShellTool.ts"
import { SnowflakeTool } from "./SnowflakeTool.ts"
import { Toolbox } from "./Toolbox.ts"
import { TransferTool } from "./transfer/TransferTool.ts"
import { WorkbookTool } from "./WorkbookTool.ts"

export const layer = Toolbox.layerLive(
  NoopTool,
  PlaybookTool,
  ShellTool,
  HttpTool,
  PythonTool,
  RhaiTool,
  PostgresTool,
  DuckdbTool,
  ScriptTool,
  TransferTool,
  SnowflakeTool,
  ArtifactTool,
  WorkbookTool
)

export * as SafetyOptions from "./SafetyOptions.ts"
