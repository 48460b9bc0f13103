/** `orchestrate serve` as an operator runs it: a process, a forge that sends it webhooks, and agents that are plain processes. */
import { Effect } from "effect"
import { readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { door, HOOK_SECRET, makeServed, SERVED_TOKEN } from "../support/served.ts"

let served: Awaited<ReturnType<typeof makeServed>>
beforeEach(async () => {
  served = await makeServed()
})
afterEach(() => served.stop())

const runs = () => readFileSync(join(served.cli.cwd, "runs"), "utf8")
const bottles = async (): Promise<ReadonlyArray<{ readonly state: string; readonly run: number }>> =>
  JSON.parse((await served.cli.run(["list", "--json"])).stdout)

/** Ends a service as a supervisor does; how long it took, in milliseconds. */
const end = async (
  { child, result }: Awaited<ReturnType<typeof served.serve>>,
  signal: "SIGTERM" | "SIGINT",
) => {
  const began = Date.now()
  child.kill(signal)
  const { code } = await result
  return { code, took: Date.now() - began }
}

const far = { interval: 100 }

it("a labelled issue gets a bottle by webhooks, ended and started anew it goes on with its agent, and freezes it", async () => {
  const first = await served.serve()
  await served.target()
  await expect.poll(first.stderr, far).toMatch(/^ada\/cellar#17: launched bottle \S+, run 1$/m)
  await expect.poll(runs, far).toBe("run 1\n")
  const ended = await end(first, "SIGTERM")
  expect(ended.code).toBe(0)
  expect(ended.took).toBeLessThan(5_000)
  expect(await bottles()).toMatchObject([{ state: "running" }])

  const second = await served.serve()
  served.go()
  await expect.poll(second.stderr, far).toMatch(/^ada\/cellar#17: frozen$/m)
  expect(await bottles()).toMatchObject([{ state: "frozen" }])
  expect(runs()).toBe("run 1\n")

  rmSync(join(served.cli.cwd, "go"))
  await Effect.runPromise(served.ada.comment(door, "And the hinge?"))
  await expect.poll(second.stderr, far).toMatch(/^ada\/cellar#17: resumed bottle \S+, run 2$/m)
  await expect.poll(runs, far).toBe("run 1\nrun 2\n")
  expect(await end(second, "SIGINT")).toMatchObject({ code: 130 })
  const log = first.stderr() + second.stderr()
  expect(log).not.toContain(SERVED_TOKEN)
  expect(log).not.toContain(HOOK_SECRET)
})

it("a second service on one home says which process serves it, changes nothing, and fails", async () => {
  const first = await served.serve()
  const second = await served.cli.run(["orchestrate", "serve"])
  expect([second.code, second.stderr]).toEqual([
    125,
    expect.stringContaining(`process ${first.child.pid} serves this home already`),
  ])
  expect(await end(first, "SIGTERM")).toMatchObject({ code: 0 })
})

it("with --json what happens is a line of JSON on stdout", async () => {
  const service = await served.cli.start(["orchestrate", "serve", "--json"])
  await expect.poll(service.stdout, far).toContain("\n")
  expect(JSON.parse(service.stdout())).toMatchObject({ event: "serving", listening: expect.any(String) })
  service.child.kill("SIGTERM")
  expect((await service.result).code).toBe(0)
})

describe("serve fails clearly, and serves nothing, with", () => {
  const fails = async (more: object, args: ReadonlyArray<string> = []) => {
    served.cli.write("orchestrator.yaml", JSON.stringify({ ...served.configuration, ...more }))
    const { code, stderr, stdout } = await served.cli.run(["orchestrate", "serve", ...args])
    expect([code, stdout]).toEqual([125, ""])
    expect(stderr).not.toContain("serving")
    return stderr
  }

  it("an address that is taken", async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resolve(typeof address === "object" && address !== null ? address.port : 0)
      })
    })
    const stderr = await fails({ listen: `127.0.0.1:${port}` })
    server.close()
    expect(stderr).toContain(`cannot listen on 127.0.0.1:${port} (EADDRINUSE)`)
  })

  it("secrets that cannot be read: all of them at once, by their keys", async () => {
    const stderr = await fails({
      forge: { ...served.configuration.forge, token: { env: "NO_SUCH_VARIABLE" } },
      webhook: { secret: { command: ["sh", "-c", "echo leaked-secret; exit 3"], ttl: "1 minute" } },
    })
    expect(stderr).toMatch(/orchestrator\.yaml: forge\.token: .*NO_SUCH_VARIABLE, which is not set/)
    expect(stderr).toMatch(/orchestrator\.yaml: webhook\.secret: the command sh ended with 3/)
    expect(stderr).not.toContain("leaked-secret")
  })

  it("an unknown key, and a secret in the place of its source", async () => {
    expect(await fails({ sweeps: "1 minute" })).toMatch(/orchestrator\.yaml: sweeps: /)
    const forge = { ...served.configuration.forge, token: SERVED_TOKEN }
    const stderr = await fails({ forge })
    expect(stderr).toMatch(/orchestrator\.yaml: forge\.token: /)
    expect(stderr).not.toContain(SERVED_TOKEN)
  })

  it("no configuration at all, and a file that is not there", async () => {
    expect(await fails({}, ["--config", "elsewhere.yaml"])).toMatch(/elsewhere\.yaml: there is no such file/)
    rmSync(join(served.cli.home, "orchestrator.yaml"))
    const { code, stderr } = await served.cli.run(["orchestrate", "serve"])
    expect([code, stderr]).toEqual([125, expect.stringMatching(/orchestrator\.yaml: .*no such file/)])
  })
})

it("without a webhook secret it warns, listens for nothing, and sweeps", async () => {
  const { webhook: _, ...configuration } = served.configuration
  served.cli.write("orchestrator.yaml", JSON.stringify({ ...configuration, sweep: "1 second" }))
  const service = await served.serve()
  expect(service.stderr()).toContain("warning: webhook.secret is not configured")
  expect(service.stderr()).not.toContain("http://127.0.0.1")
  await served.target()
  await expect.poll(service.stderr, far).toMatch(/^ada\/cellar#17: launched bottle /m)
  served.go()
})

it("a file with a secret that others may read is warned of", async () => {
  served.cli.write("loose", `${SERVED_TOKEN}\n`)
  const forge = { ...served.configuration.forge, token: { file: join(served.cli.home, "loose") } }
  served.cli.write("orchestrator.yaml", JSON.stringify({ ...served.configuration, forge }))
  const service = await served.serve()
  expect(service.stderr()).toMatch(/warning: the file .*loose holds a secret, and other users .* may read it/)
})
