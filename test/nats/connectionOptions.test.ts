import { assert, describe, it } from "@effect/vitest"
import { shownUrl } from "../../src/domain/shownUrl.ts"
import { connectionOptions, localNats } from "../../src/nats/connectionOptions.ts"

describe("User and password in a broker's URL", () => {
  it.each([
    ["nats://u:p%40ss@a:4222", "u", "p@ss"],
    ["nats://u:100%@a:4222", "u", "100%"],
    ["nats://u%:p@a:4222,nats://b:4222", "u%", "p"]
  ])("%s are read, and are not shown", (url, user, pass) => {
    assert.deepInclude(connectionOptions({ ...localNats, url }, "w"), { user, pass })
    assert.notInclude(shownUrl(url), "@")
  })
})
