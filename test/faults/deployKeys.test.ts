/** The CLI, or the sidecar, is killed at each step of a run with a deploy key: no key stays at the forge without being told. */
import { Effect, Fiber, Layer } from "effect"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as SidecarProcess from "../../src/layers/sidecar/SidecarProcess.ts"
import { DeployKeys } from "../../src/services/DeployKeys.ts"
import { Sidecar } from "../../src/services/Sidecar.ts"
import type { Fault } from "../../src/simulator/GiteaSimulator.ts"
import { cellarAt, configOf } from "../contracts/Sidecar.ts"
import { shellAgent } from "../support/cli.ts"
import type { FaultyCli, Step } from "../support/faults.ts"
import { bundleFaultyCli, makeFaultyCli, nameOf } from "../support/faults.ts"
import { nightly } from "../support/nightly.ts"
import { startForge } from "../support/forge.ts"

const GIT = {
  url: "git@git.example:ada/cellar.git",
  key: { provider: "gitea" },
  knownHost: "git.example ssh-ed25519 AAAA",
} as const
const START = ["orchestrate", "start", "--agent", "worker", "--prompt", "x"]

type Forge = Awaited<ReturnType<typeof startForge>>

const startAdminForge = async (): Promise<Forge> => {
  const started = await startForge()
  started.forge.state.repo("ada", "cellar")?.collaborators.set("bot", "admin")
  return started
}
const titles = ({ forge }: Forge): ReadonlyArray<string> =>
  forge.state.repos.flatMap(({ keys }) => keys.map(({ title }) => title))

/** Those between which something happens to a key; each name once. */
const selection = (all: ReadonlyArray<Step>): ReadonlyArray<Step> => {
  const seen = new Set<string>()
  return all.filter((step) => {
    const name = nameOf(step)
    return (
      /Sidecar\.(launch|stop)$|DeployKeys\.leftKeys$|RunDirectories\.forget$|SidecarProcess\.start$|SidecarProcess\.start > |follow$/.test(
        name,
      ) &&
      !seen.has(name) &&
      seen.add(name)
    )
  })
}

/** After the start of a sidecar's process: before it reads its document, while it registers, when it serves. */
const DELAYS_MS = ["15", "150", "300", "600"]

describe("a CLI that is killed at any step of a run with a deploy key", () => {
  let forge: Forge
  let cli: FaultyCli
  const steps: Record<"start" | "destroy", ReadonlyArray<Step>> = { start: [], destroy: [] }
  /** The step at which the CLI watches the agent at work. */
  let following: Step
  const recorded = () => {
    const ledger = join(cli.home, "keys")
    return existsSync(ledger) ? readdirSync(ledger) : []
  }
  const slugs = async () =>
    new Set([
      ...(await cli.list()).map((row) => String(row["slug"])),
      ...titles(forge).map((title) => title.split(" ")[1] ?? ""),
    ])
  /** A sidecar that was being launched goes on without its launcher, and has a key once it is up. */
  const nothingStays = async (step: string) => {
    for (let attempt = 0; ; attempt++) {
      for (const slug of await slugs()) await cli.ok("destroy", slug)
      if (titles(forge).length === 0 && recorded().length === 0) break
      expect([step, titles(forge), recorded(), attempt]).toEqual([
        step,
        [],
        [],
        expect.toSatisfy((n) => n < 20),
      ])
    }
  }
  /** A bottle at work whose watcher is gone. */
  const left = async (): Promise<string> => {
    const { killed } = await cli.kill(following, [...START, "--bottle", "long"])
    expect(killed).toBe(true)
    expect([titles(forge).length, recorded().length]).toEqual([1, 1])
    return [...(await slugs())][0] ?? ""
  }

  beforeAll(async () => {
    forge = await startAdminForge()
    cli = makeFaultyCli(await bundleFaultyCli(), forge.env)
    cli.write("agents/worker.md", shellAgent('[ -z "$LONG" ] || exec sleep 600'))
    cli.write("bottles/plain.yaml", `backend: host\ngit: { cellar: ${JSON.stringify(GIT)} }\n`)
    cli.write(
      "bottles/long.yaml",
      `backend: host\nenv: { LONG: 1 }\ngit: { cellar: ${JSON.stringify(GIT)} }\n`,
    )
    const start = await cli.record(START)
    expect([start.stderr, start.code]).toEqual([start.stderr, 0])
    expect([titles(forge), recorded()]).toEqual([[], []])
    following = start.steps.find((step) => step.endsWith(" > awaitExit > watch > follow")) ?? "none"
    await nothingStays("start")
    const destroy = await cli.record(["destroy", await left()])
    const after = start.steps.slice(start.steps.findIndex((step) => step.includes("performStart")))
    steps.start = nightly ? after : selection(after)
    steps.destroy = nightly ? destroy.steps : selection(destroy.steps)
    process.stdout.write(
      `steps:\n${[...steps.start, ...steps.destroy].map((step) => `  ${step}\n`).join("")}`,
    )
  })
  afterAll(async () => {
    cli.remove()
    await forge.stop()
  })

  it(
    "start: destroy leaves no key at the forge, and none that is recorded",
    { timeout: 3_600_000 },
    async () => {
      for (const step of steps.start) {
        if (step.includes("SidecarProcess.start > ProcessRunner.detached")) {
          for (const delay of DELAYS_MS) {
            await cli.run(START, { env: { FAULT_KILL: step, FAULT_AFTER_MS: delay } })
            await nothingStays(`${step} + ${delay} ms`)
          }
        } else {
          await cli.kill(step, START)
          await nothingStays(step)
        }
      }
    },
  )

  it("destroy: the next one finishes it", { timeout: 3_600_000 }, async () => {
    for (const step of steps.destroy) {
      await cli.kill(step, ["destroy", await left()])
      await nothingStays(step)
    }
  })

  it("a sidecar that is killed leaves a key that destroy tells of, and that gc revokes", async () => {
    const slug = await left()
    const { holder } = JSON.parse(readFileSync(join(cli.home, "keys", recorded()[0] ?? ""), "utf8"))
    process.kill(holder.pid, "SIGKILL")
    await expect.poll(() => existsSync(`/proc/${holder.pid}/fd/0`)).toBe(false)
    const [title = ""] = titles(forge)
    const destroyed = await cli.ok("destroy", slug)
    expect(destroyed.stderr).toContain(`deploy key "${title}" (number `)
    expect(destroyed.stderr).toMatch(/"bot-bottle gc" with FORGE_GITEA_API and FORGE_GITEA_TOKEN revokes it/)
    expect(await cli.list()).toEqual([])
    const without = { env: { FORGE_GITEA_API: "", FORGE_GITEA_TOKEN: "" } }
    const refused = await cli.run(["gc"], without)
    expect([refused.code, refused.stdout]).toEqual([
      125,
      expect.stringMatching(/failed +key +.*FORGE_GITEA_API/),
    ])
    expect([titles(forge), recorded().length]).toEqual([[title], 1])
    expect((await cli.ok("gc")).stdout).toMatch(/removed +key/)
    expect([titles(forge), recorded()]).toEqual([[], []])
  })
})

describe("a sidecar that is killed in the middle of an exchange about its key", () => {
  let forge: Forge
  let root = ""

  beforeAll(async () => {
    forge = await startAdminForge()
    root = mkdtempSync(join(tmpdir(), "bb-keys-"))
  })
  afterAll(async () => {
    rmSync(root, { recursive: true, force: true })
    await forge.stop()
  })

  const moments: ReadonlyArray<readonly [string, Fault, "launch" | "stop", number]> = [
    ["the forge has the request to register", { kind: "slow", method: "POST" }, "launch", 0],
    ["the key is registered, and nobody was told", { kind: "stalled", method: "POST" }, "launch", 1],
    ["the forge has the request to revoke", { kind: "slow", method: "DELETE" }, "stop", 1],
    ["the key is revoked, and nobody was told", { kind: "stalled", method: "DELETE" }, "stop", 0],
  ]

  it.each(moments)("when %s: the key is known, and can be revoked", async (_, fault, when, there) => {
    const home = homeAt(join(root, String(moments.findIndex(([, candidate]) => candidate === fault))))
    const layer = Layer.provide(
      Layer.provide(SidecarProcess.layer, NodeProcessRunner.layer),
      Layer.succeed(Home, home),
    )
    const assigned = cellarAt(forge.env.FORGE_GITEA_API, forge.env.FORGE_GITEA_TOKEN)
    const config = { ...configOf("door-abcde", assigned), git: { cellar: GIT } }
    const entry = () =>
      JSON.parse(readFileSync(join(home.keyLedger, readdirSync(home.keyLedger)[0] ?? ""), "utf8"))
    const asked = () => forge.forge.requests.filter(({ method }) => method === fault.method).length
    await Effect.runPromise(
      Effect.gen(function* () {
        const sidecar = yield* Sidecar
        const keys = yield* DeployKeys
        forge.forge.forget()
        forge.forge.failNext(fault)
        const launch = Effect.fork(Effect.exit(sidecar.launch(config)))
        const under: Fiber.Fiber<unknown, unknown> =
          when === "launch" ? yield* launch : yield* Effect.fork((yield* sidecar.launch(config)).stop)
        yield* Effect.promise(() => expect.poll(asked).toBe(1))
        expect(titles(forge)).toHaveLength(there)
        process.kill(entry().holder.pid, "SIGKILL")
        yield* Fiber.await(under)
        const left = yield* keys.leftKeys
        expect(left).toHaveLength(1)
        yield* Effect.forEach(left, (key) =>
          there === 0 && when === "launch"
            ? Effect.map(Effect.flip(keys.revokeKey(key, assigned.target)), ({ message }) =>
                expect(message).toContain("may still be in progress"),
              )
            : keys.revokeKey(key, assigned.target),
        )
        expect(titles(forge)).toEqual([])
        expect(yield* keys.leftKeys).toHaveLength(there === 0 && when === "launch" ? 1 : 0)
      }).pipe(Effect.provide(layer)),
    )
  })
})
