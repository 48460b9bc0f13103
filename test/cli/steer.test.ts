/** `orchestrate status|pause|continue|retry` and `doctor`, of a service as an operator runs it. */
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { makeServed, SERVED_TOKEN } from "../support/served.ts"

let served: Awaited<ReturnType<typeof makeServed>>
beforeEach(async () => {
  served = await makeServed()
})
afterEach(() => served.stop())

const run = (...args: ReadonlyArray<string>) => served.cli.run(["orchestrate", ...args])
const far = { interval: 100 }

it("paused, a labelled issue waits and status says why; it starts once it goes on", async () => {
  const paused = await run("pause")
  expect([paused.code, paused.stderr]).toEqual([
    0,
    expect.stringMatching(/^paused: nothing starts.*\nno service runs/),
  ])
  const service = await served.serve()
  expect(service.stderr()).toContain("paused")
  await served.target()
  await expect.poll(service.stderr, far).toContain("ada/cellar#17: waits: the orchestrator is paused")
  const status = await run("status")
  expect(status.stdout).toMatch(/ada\/cellar#17 .*the orchestrator is paused/)
  expect(status.stderr).toContain(`process ${service.child.pid} on `)
  expect(status.stderr).toMatch(/^paused .*orchestrate continue/m)
  const whole: unknown = JSON.parse((await run("status", "--json", "--service")).stdout)
  expect(whole).toMatchObject({
    service: { pid: service.child.pid, isServing: true, sweep: { failures: 0, problem: null } },
    pausedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    issues: [{ owner: "ada", issueNumber: 17, slug: null, life: { waits: "paused", setAside: null } }],
  })
  const watched = served.cli.start(["orchestrate", "status", "--watch"])
  await expect.poll(watched.stdout, far).toContain("the orchestrator is paused")
  expect(JSON.parse((await run("continue", "--json")).stdout)).toEqual({ pausedAt: null, serving: true })
  await expect.poll(service.stderr, far).toMatch(/^ada\/cellar#17: launched bottle/m)
  await expect.poll(watched.stdout, far).toMatch(/issues\/17 .* running/)
  expect(watched.stdout()).not.toContain("\u001b")
  watched.child.kill("SIGINT")
  expect((await watched.result).code).toBe(130)
  service.child.kill("SIGKILL")
  await service.result
  expect((await run("status")).stderr).toMatch(/^no service runs, so nothing starts: process \d+ died/m)
})

it("retry has a launch that failed tried again at once; an issue that nobody knows is a clear error", async () => {
  const unknown = await run("retry", "ada/cellar#99")
  expect([unknown.code, unknown.stderr]).toEqual([125, expect.stringContaining("status --all")])
  expect((await run("retry", "door")).code).toBe(2)
  served.cli.write("bottles/plain.yaml", "backend: nowhere\n")
  const service = await served.serve()
  await served.target()
  await expect.poll(service.stderr, far).toMatch(/^ada\/cellar#17: launch failed: /m)
  // What is expected to fail at times is told without a stack.
  expect(service.stderr()).toMatch(/^warning: \S+#17\/1\/1 failed: [^()]*nowhere[^()]*$/m)
  expect(service.stderr()).not.toContain("commands.main.cjs")
  await expect.poll(async () => (await run("status")).stdout, far).toMatch(/launch failed: .*\(in /)
  served.cli.write("bottles/plain.yaml", "backend: host\n")
  const retried = await run("retry", "#17")
  expect([retried.code, retried.stderr]).toEqual([
    0,
    expect.stringContaining("ada/cellar#17 is looked at now"),
  ])
  await expect.poll(service.stderr, far).toMatch(/^ada\/cellar#17: launched bottle/m)
})

it("a forge that refuses the token is told by status, with when it is asked again", async () => {
  served.forge.failNext({ kind: "status", status: 401, path: "/repos/issues/search", times: 9 })
  const service = await served.serve()
  await expect
    .poll(async () => (await run("status")).stderr, far)
    .toMatch(/^warning: sweeps of the forge fail \(\d+ times\): .*401.*; next /m)
  expect((await run("status")).stderr).not.toContain(SERVED_TOKEN)
  expect(service.stderr()).not.toContain(SERVED_TOKEN)
})

it("doctor looks at the configuration, its secrets, the forge, and what repositories name", async () => {
  const repositories = { "ada/cellar": { agents: ["worker", "nobody"], bottles: ["plain"] } }
  const write = (more: object) =>
    served.cli.write("orchestrator.yaml", JSON.stringify({ ...served.configuration, repositories, ...more }))
  const doctor = async () => {
    const { stdout } = await served.cli.run(["doctor", "--json"], {
      env: { DOCKER_HOST: "unix:///none.sock" },
    })
    const all = JSON.parse(stdout) as ReadonlyArray<{ subject: string; status: string; detail: string }>
    expect(stdout).not.toContain(SERVED_TOKEN)
    return Object.fromEntries(
      all
        .filter(({ subject }) => subject.startsWith("orchestrator"))
        .map(({ subject, status }) => [subject.replace("orchestrator ", ""), status]),
    )
  }
  write({})
  expect(await doctor()).toMatchObject({
    configuration: "ok",
    "forge.token": "ok",
    "webhook.secret": "ok",
    forge: "ok",
    "forge org": "ok",
    "forge repository ada/cellar": "ok",
    "forge permission ada/cellar": "ok",
    "agent worker": "ok",
    "agent nobody": "missing",
    "bottle plain": "ok",
  })
  write({ forge: { ...served.configuration.forge, token: { file: join(served.cli.cwd, "none") } } })
  expect(await doctor()).toMatchObject({ "forge.token": "missing", configuration: "ok" })
  served.cli.write("orchestrator.yaml", "forge: 1\n")
  expect(await doctor()).toEqual({ configuration: "missing" })
})
