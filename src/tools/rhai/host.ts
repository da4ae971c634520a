/** What a script can ask of its host: logs, time, HTTP, JSON, the environment. Everything that waits is an Effect. */
import { Clock, DateTime, Duration, Effect } from "effect"
import { http, type HttpFunction } from "./hostHttp.ts"
import { jsonParts, parseJsonParts } from "./Json.ts"
import { toDebug, toText } from "./language/Format.ts"
import { type Parts, pause } from "./language/pause.ts"
import { HostRequest, Natives } from "./machine/Natives.ts"
import { includes } from "./language/search.ts"
import { textWeight } from "./machine/weight.ts"
import { standard } from "./packages/standard.ts"
import type { RhaiError } from "./language/RhaiError.ts"
import type { Float, Value } from "./language/Value.ts"
import { strftime } from "./strftime.ts"

export type LogLevel = "debug" | "info" | "warn" | "error"

export interface HostServices {
  /** Makes a request that the egress policy has agreed to. */
  readonly request: HttpFunction
  readonly log: (level: LogLevel, text: string) => Effect.Effect<void>
  readonly print: (text: string) => Effect.Effect<void>
  /** A variable of the environment, if scripts may know it. */
  readonly env: (name: string) => string | undefined
  /** An access token for Google's APIs, or the empty string. */
  readonly gcpToken: Effect.Effect<string>
  /** How `timestamp()` looks, in the signs of strftime; seconds since 1970 without it. */
  readonly timestampFormat: string | undefined
  /** Whether the answer of a request that never got one equals `()`. */
  readonly absentOnFailure: boolean
}

const wait = (work: Effect.Effect<Value, RhaiError>): HostRequest => new HostRequest(work)

/** Rhai's own functions and those of the host. `base` saves making Rhai's own again for every script. */
export const hosted = (services: HostServices, base: Natives = standard()): Natives => {
  const natives = Natives.extending(base)
  logging(natives, services)
  clock(natives, services)
  http(natives, services.request, services.absentOnFailure)
  texts(natives)
  natives
    .pure("env(string)", ([name]) => services.env(name as string))
    .host("get_gcp_token()", () => wait(services.gcpToken))
  return natives
}

const logging = (natives: Natives, { log, print }: HostServices): void => {
  const said = (level: LogLevel, text: string): HostRequest => wait(Effect.as(log(level, text), undefined))
  natives
    .host("print(any)", ([value]) => wait(Effect.as(print(toText(value)), undefined)))
    .host("print()", () => wait(Effect.as(print(""), undefined)))
    .host("log(any)", ([value]) => said("info", toText(value)))
    // A string is a message; of anything else the programmer wants to see what it is
    .host("debug(any)", ([value]) => said("debug", typeof value === "string" ? value : toDebug(value)))
    .host("info(any)", ([value]) => said("info", toText(value)))
    .host("warn(any)", ([value]) => said("warn", toText(value)))
    .host("error(any)", ([value]) => said("error", toText(value)))
}

const clock = (natives: Natives, { timestampFormat }: HostServices): void => {
  const pause = (millis: number): HostRequest =>
    wait(Effect.as(millis > 0 ? Effect.sleep(Duration.millis(millis)) : Effect.void, undefined))
  const seconds = Effect.map(Clock.currentTimeMillis, (millis) => String(Math.floor(millis / 1000)))
  const formatted = Effect.map(DateTime.now, (now) => strftime(timestampFormat ?? "", now))
  natives
    .host("timestamp()", () => wait(timestampFormat === undefined ? seconds : formatted))
    .host("timestamp_ms()", () =>
      wait(Effect.map(Clock.currentTimeMillis, (millis) => String(Math.floor(millis))))
    )
    .host("sleep(int)", ([time]) => pause(Number(time) * 1000))
    .host("sleep(float)", ([time]) => pause((time as Float).value * 1000))
    .host("sleep_ms(int)", ([time]) => pause(Number(time)))
}

const texts = (natives: Natives): void => {
  natives
    .calling("parse_json(string)", false, ([text]) => jsonOr(text as string, undefined))
    .calling("to_json(any)", false, ([value]) => jsonParts(value))
    .calling("contains_any(string, array)", false, function* ([text, parts], context) {
      const whole = (text as string).toLowerCase()
      for (const part of parts as ReadonlyArray<Value>) {
        context.charge(textWeight(whole))
        yield pause
        if (includes(whole, toText(part).toLowerCase())) return true
      }
      return false
    })
}

/** The value of JSON text, or something else where it is none. */
export function* jsonOr(text: string, otherwise: Value): Parts<Value> {
  try {
    return yield* parseJsonParts(text)
  } catch {
    return otherwise
  }
}
