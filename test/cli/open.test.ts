/** `orchestrate open`: an operator signs in to a real service by its link, and what the operator orders is told by name. */
import { afterEach, beforeEach, expect, it } from "vitest"
import { ask, form } from "../orchestrator/http/ask.ts"
import { Effect } from "effect"
import { freePort } from "../support/freePort.ts"
import { makeServed } from "../support/served.ts"

const ADA = "ada-0123456789abcdef0123456789abcdef"
let served: Awaited<ReturnType<typeof makeServed>>
beforeEach(async () => {
  served = await makeServed({
    listen: `127.0.0.1:${await freePort()}`,
    operators: { ada: { token: { env: "ADA" } }, "bob.b": { token: { env: "ADA" } } },
  })
})
afterEach(() => served.stop())

const run = (...args: ReadonlyArray<string>) => served.cli.run(["orchestrate", "open", ...args])

it("prints a link that signs in once; the token shows nowhere, and orders are told with the operator's name", async () => {
  const none = await run()
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("--operator with one of: ada, bob.b")])
  expect((await run("--operator", "eve")).code).toBe(2)
  const early = await run("--operator", "ada")
  expect([early.code, early.stderr]).toEqual([0, expect.stringContaining("no service runs")])

  const service = await served.serve([], { ADA })
  const { stdout, stderr } = await run("--operator", "ada", "--json")
  const link = JSON.parse(stdout)
  expect(link).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/sign-in\?code=[\w-]{43}$/),
    operator: "ada",
    minutes: 5,
    serving: true,
  })
  const url = new URL(link.url)
  const code = url.searchParams.get("code") ?? ""
  const signedIn = await Effect.runPromise(ask(url.host, "/sign-in", form({ code }, url.host)))
  expect(signedIn.status).toBe(303)
  const again = await Effect.runPromise(ask(url.host, "/sign-in", form({ code }, url.host)))
  expect(again.status).toBe(401)
  const headers = { cookie: String(signedIn.headers["set-cookie"]).split(";")[0] ?? "", origin: url.origin }
  const paused = await Effect.runPromise(ask(url.host, "/pause", { method: "POST", headers }))
  expect(paused.status).toBe(200)
  await expect.poll(service.stderr, { interval: 100 }).toContain("ada ordered: pause")
  expect(service.stderr()).toContain("ada signed in from 127.0.0.1")
  for (const secret of [ADA, code, headers.cookie.split("=")[1] ?? "none"])
    expect([stderr, service.stderr()].join("\n")).not.toContain(secret)
})
