/** The runs of this process and the commands that workers have or are about to have. */
import type { Command } from "../../domain/Command.ts"
import type { JsonObject } from "../../domain/Json.ts"
import type { IssuedCommand } from "../../playbook/engine/Event.ts"
import { isOver } from "../../playbook/engine/State.ts"
import type { Run } from "./Run.ts"

export interface Row {
  readonly run: Run
  readonly issued: IssuedCommand
  readonly command: Command
  /** Its step was stopped: it is not worked any more. */
  withdrawn: boolean
  /** Runs that it started, in order. */
  readonly children: Array<string>
}

export class Registry {
  readonly runs = new Map<string, Run>()
  /** Values of keychain entries that were read, by run and name. */
  readonly secrets = new Map<string, JsonObject>()
  /** Runs of earlier processes that go on here. */
  readonly adopted = new Set<string>()
  private readonly byEvent = new Map<string, Row>()
  private readonly byCommand = new Map<string, Row>()
  private readonly failed = new Map<string, Command>()

  add(row: Row): void {
    this.byEvent.set(row.command.eventId, row)
    this.byCommand.set(row.command.commandId, row)
  }

  remove({ command }: Row): void {
    this.byEvent.delete(command.eventId)
    this.byCommand.delete(command.commandId)
  }

  /** Forgets runs that ended, once the command that started them has ended too: a loop may start thousands. */
  forgetChildren({ children }: Row): void {
    for (const id of children) {
      const run = this.runs.get(id)
      if (run !== undefined && isOver(run.state())) this.runs.delete(id)
    }
  }

  /** Keeps a failed command for the report of its run. The oldest go. */
  keepFailed(command: Command): void {
    this.failed.set(command.commandId, command)
    const [oldest] = this.failed.keys()
    if (this.failed.size > maxFailed && oldest !== undefined) this.failed.delete(oldest)
  }

  ofEvent(eventId: string): Row | undefined {
    return this.byEvent.get(eventId)
  }

  ofCommand(commandId: string): Row | undefined {
    return this.byCommand.get(commandId)
  }

  commandOf(commandId: string): Command | undefined {
    return this.byCommand.get(commandId)?.command ?? this.failed.get(commandId)
  }
}

const maxFailed = 32
