/** Tests over podman, in storage of their own: run when it is there, else skipped with one loud line, or failed where CI_REQUIRE_DOCKER=1 says so. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { Effect, type Scope } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { TransportName } from "../../src/layers/docker/engine.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import type { PodmanOptions } from "../../src/layers/podman/PodmanBackend.ts"
import { makeWith } from "../../src/layers/podman/PodmanBackend.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import type { TestImage } from "./images.ts"
import { testImage } from "./images.ts"
import { tempDir } from "./tempDir.ts"

const available = spawnSync("podman", ["--version"], { timeout: 20_000 }).status === 0
const required = process.env["CI_REQUIRE_DOCKER"] === "1"

if (!available && !required) {
  process.stderr.write("\n*** NO podman HERE: the tests of the podman backend are SKIPPED ***\n\n")
}

/** A podman whose storage no other has. */
export interface TestPodman {
  /** What points podman to that storage. */
  readonly env: Readonly<Record<string, string>>
  /** Starts a service over that storage, which may be configured otherwise and ends with the scope; answers its socket. */
  readonly serve: (env?: Readonly<Record<string, string>>) => Effect.Effect<string, never, Scope.Scope>
  /** Runs podman to its end; answers its stdout, and throws what it wrote when it fails. */
  readonly run: (...args: ReadonlyArray<string>) => string
  /** The name of a bottle's container. */
  readonly containerOf: (slug: string) => string
  /** Two backends on one new home, as two processes have them. */
  readonly instances: (options?: PodmanOptions) => ReturnType<typeof instancesIn>
  /** As `testImage`, in that storage. */
  readonly image: (options?: TestImage) => ReturnType<typeof testImage>
}

/**
 * `describe` for tests over podman, by a service of its own or by its command line. Its storage and the service are gone when they have
 * ended.
 */
export const describePodman = (
  name: string,
  tests: (podman: TestPodman) => void,
  by: TransportName = "command line",
): void => {
  if (!available && required) describe(name, () => it("has podman", () => expect.fail("there is no podman")))
  else if (!available) describe.skip(name, () => it("needs podman", () => undefined))
  else {
    describe(name, () => {
      const dir = mkdtempSync(join(tmpdir(), "bot-bottle-podman-"))
      const podman = podmanIn(dir, by)
      let service: ChildProcess | undefined
      beforeAll(async () => {
        if (by === "socket") service = await startService(podman.env, socketIn(dir))
      })
      afterAll(() => {
        podman.run("rm", "--all", "--force", "--time", "0")
        service?.kill()
        rmSync(dir, { recursive: true, force: true })
      })
      tests(podman)
    })
  }
}

const socketIn = (dir: string) => join(dir, "podman.sock")

const startService = async (env: Readonly<Record<string, string>>, socket: string): Promise<ChildProcess> => {
  const args = ["system", "service", "--time", "0", `unix://${socket}`]
  const service = spawn("podman", args, { env: { ...process.env, ...env }, stdio: "ignore" })
  for (let n = 0; n < 200 && !existsSync(socket); n++) await setTimeout(50)
  if (!existsSync(socket)) throw new Error("podman's service did not start")
  return service
}

const podmanIn = (dir: string, by: TransportName): TestPodman => {
  const env = {
    CONTAINERS_STORAGE_CONF: join(dir, "storage.conf"),
    CONTAINERS_CONF: join(dir, "containers.conf"),
  }
  // vfs, because an overlay cannot lie on every file system that a test may run on.
  writeFileSync(
    env.CONTAINERS_STORAGE_CONF,
    `[storage]\ndriver = "vfs"\ngraphroot = "${join(dir, "root")}"\nrunroot = "${join(dir, "run")}"\n`,
  )
  // podman would raise limits, which not even every root may.
  writeFileSync(
    env.CONTAINERS_CONF,
    `[containers]\ndefault_ulimits = [${["nofile", "nproc"].map(ulimit).join(", ")}]\n[engine]\ntmp_dir = "${join(dir, "tmp")}"\n`,
  )
  const run = (...args: ReadonlyArray<string>): string => {
    const { status, stdout, stderr } = spawnSync("podman", args, {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, ...env },
    })
    if (status !== 0) throw new Error(`podman ${args[0]}: ${stderr}`)
    return stdout.trim()
  }
  return {
    env,
    serve: (more = {}) =>
      Effect.gen(function* () {
        const socket = join(yield* tempDir, "podman.sock")
        yield* Effect.acquireRelease(
          Effect.promise(() => startService({ ...env, ...more }, socket)),
          (service) => Effect.sync(() => service.kill()),
        )
        return socket
      }),
    run,
    containerOf: (slug) =>
      run("ps", "--all", "--format", "{{.Names}}", "--filter", `label=bot-bottle.slug=${slug}`),
    instances: (options = {}) =>
      instancesIn(by === "socket" ? { ...env, CONTAINER_HOST: `unix://${socketIn(dir)}` } : env, options),
    image: (options = {}) => testImage({ tools: ["perl"], ...options, engine: { program: "podman", env } }),
  }
}

const instancesIn = (env: Readonly<Record<string, string>>, options: PodmanOptions) =>
  Effect.gen(function* () {
    const home = homeAt(yield* tempDir)
    const make = makeWith({ env, ...options }).pipe(
      Effect.provideService(Home, home),
      Effect.provide(NodeProcessRunner.layer),
    )
    return { home, first: yield* make, second: yield* make }
  })

const ROWS = { nofile: "Max open files", nproc: "Max processes" } as const

const ulimit = (name: string): string => {
  const row = readFileSync("/proc/self/limits", "utf8")
    .split("\n")
    .find((line) => line.startsWith(ROWS[name as keyof typeof ROWS]))
  const hard = Number(row?.split(/\s{2,}/)[2])
  const most = Math.min(Number.isNaN(hard) ? Infinity : hard, 32_768)
  return `"${name}=${most}:${most}"`
}
