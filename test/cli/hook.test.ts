/** `orchestrate hook install|check` over a simulated forge: hooks of repositories and organisations, their secrets, and test deliveries. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { HOOK_SECRET, makeServed, SERVED_TOKEN } from "../support/served.ts"

const PORT = 20_000 + (process.pid % 20_000)
const PUBLIC = `http://127.0.0.1:${PORT}`
const ADMIN = "fedcba9876543210fedcba9876543210fedcba98"

let served: Awaited<ReturnType<typeof makeServed>>
let token = ""
beforeEach(async () => {
  served = await makeServed({
    publicUrl: PUBLIC,
    listen: `127.0.0.1:${PORT}`,
    repositories: { "ada/*": {}, "bot-bottle/tool": {} },
  })
  const { state } = served.forge
  state.addRepo({ owner: "bot-bottle", name: "tool" })
  state.ensureUser("ada").token = ADMIN
  state.org("bot-bottle")?.owners.add("ada")
  token = join(served.cli.cwd, "admin")
  writeFileSync(token, ADMIN, { mode: 0o600 })
})
afterEach(() => served.stop())

const hooks = () => served.forge.state.repo("ada", "cellar")?.hooks ?? []
const hook = async (verb: string, place: string, ...args: ReadonlyArray<string>) => {
  const { code, stdout } = await served.cli.run([
    "orchestrate",
    "hook",
    verb,
    place,
    "--json",
    "--token-file",
    token,
    ...args,
  ])
  expect(stdout).not.toMatch(new RegExp(`${HOOK_SECRET}|${ADMIN}|${SERVED_TOKEN}`))
  return { code, ...(JSON.parse(stdout) as { done?: string; delivery?: string; problems?: unknown }) }
}

it("a hook is made once, tested by a delivery, and renewed when its secret or its events are others", async () => {
  expect(await hook("check", "ada/cellar")).toMatchObject({ code: 125, problems: ["none"] })
  expect(await hook("install", "ada/cellar")).toMatchObject({ code: 0, done: "made", delivery: "unserved" })
  const [first, ...more] = hooks()
  expect(more).toEqual([])
  expect(first).toMatchObject({ active: true, contentType: "json", secret: HOOK_SECRET, type: "gitea" })
  const service = await served.serveOnly()
  expect(await hook("install", "ada/cellar")).toMatchObject({ code: 0, done: "kept", delivery: "arrived" })
  expect(hooks()).toEqual([first])
  expect(await hook("check", "ada/cellar")).toMatchObject({ code: 0, problems: [], delivery: "arrived" })
  // What really happens arrives by it too.
  await served.target()
  await expect.poll(service.stderr).toMatch(/^ada\/cellar#17: launched/m)
  served.go()
  // Somebody edits the hook, which resets its events.
  if (first !== undefined) first.events = ["push"]
  expect(await hook("check", "ada/cellar")).toMatchObject({ code: 125, problems: ["incomplete"] })
  expect(await hook("install", "ada/cellar")).toMatchObject({ done: "renewed", delivery: "arrived" })
  // The commands know another secret than the running service.
  const other = join(served.cli.cwd, "other-hook")
  writeFileSync(other, "another-secret-9876543210\n", { mode: 0o600 })
  served.cli.write(
    "orchestrator.yaml",
    JSON.stringify({ ...served.configuration, webhook: { secret: { file: other } } }),
  )
  expect(await hook("check", "ada/cellar")).toMatchObject({ problems: ["other-secret"] })
  expect(await hook("install", "ada/cellar")).toMatchObject({
    code: 125,
    done: "renewed",
    delivery: "missigned",
  })
  expect(hooks()).toMatchObject([{ secret: "another-secret-9876543210" }])
})

it("a delivery that does not arrive is a failure that names what the forge's administrator must allow", async () => {
  await served.serveOnly()
  served.forge.webhooks.treat(() => ({ lost: true }))
  const lost = await served.cli.run(["orchestrate", "hook", "install", "ada/cellar", "--token-file", token])
  expect(lost.code).toBe(125)
  expect(lost.stderr).toContain("ALLOWED_HOST_LIST = external,127.0.0.1 below [webhook]")
  expect(lost.stderr).toContain("did not arrive within 15 seconds")
})

it("an organisation has one hook for all of its repositories; who may not make hooks learns what it takes", async () => {
  const org = () => served.forge.state.org("bot-bottle")?.hooks ?? []
  expect(await hook("install", "bot-bottle")).toMatchObject({ code: 0, done: "made" })
  expect(await hook("install", "bot-bottle")).toMatchObject({ done: "kept" })
  expect(await hook("install", "bot-bottle", "--renew")).toMatchObject({ done: "renewed" })
  expect(org()).toMatchObject([{ active: true, secret: HOOK_SECRET }])
  const service = await served.serveOnly()
  expect(await hook("check", "bot-bottle")).toMatchObject({ code: 0, problems: [], delivery: "arrived" })
  // It was tested by one of a repository, which is gone again.
  expect(served.forge.state.repo("bot-bottle", "tool")?.hooks).toEqual([])
  service.child.kill("SIGTERM")
  await service.result
  const bot = await served.cli.run(["orchestrate", "hook", "install", "ada/cellar"])
  expect([bot.code, bot.stderr]).toEqual([125, expect.stringContaining("administrator of that repository")])
  expect((await served.cli.run(["orchestrate", "hook", "install", "a/b/c"])).code).toBe(2)
})
