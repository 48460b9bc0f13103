/** Tests that need a docker engine: run when one answers, else skipped with one loud line, or failed where CI_REQUIRE_DOCKER=1 says so. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import { Slug } from "../../src/domain/Slug.ts"
import type { DockerOptions } from "../../src/layers/docker/DockerBackend.ts"
import { makeWith } from "../../src/layers/docker/DockerBackend.ts"
import type { TransportName } from "../../src/layers/docker/engine.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { tempDir } from "./tempDir.ts"

/** Whether a docker engine answers. */
export const dockerAvailable =
  spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 20_000 }).status === 0

const required = process.env["CI_REQUIRE_DOCKER"] === "1"

if (!dockerAvailable && !required) {
  process.stderr.write("\n*** NO DOCKER ENGINE ANSWERS: the tests on a real engine are SKIPPED here ***\n\n")
}

/** `describe` for tests on a real engine. */
export const describeDocker = (name: string, tests: () => void): void => {
  if (dockerAvailable) describe(name, tests)
  else if (required)
    describe(name, () => it("has a docker engine", () => expect.fail("no docker engine answers")))
  else describe.skip(name, tests)
}

/** Runs docker to its end; answers its stdout, and throws what it wrote when it fails. */
export const docker = (...args: ReadonlyArray<string>): string => {
  const { status, stdout, stderr } = spawnSync("docker", args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`docker ${args[0]}: ${stderr}`)
  return stdout.trim()
}

/** Both ways to an engine. */
export const TRANSPORTS: ReadonlyArray<TransportName> = ["socket", "command line"]

/** Two docker backends on one new home, as two processes have them. */
export const dockerInstances = (options: DockerOptions = {}) =>
  Effect.gen(function* () {
    const home = homeAt(yield* tempDir)
    const make = makeWith(options).pipe(
      Effect.provideService(Home, home),
      Effect.provide(NodeProcessRunner.layer),
    )
    return { home, first: yield* make, second: yield* make }
  })

/** A plan of a shell script in an image. */
export const shellPlan = (
  slug: string,
  image: string,
  script: string,
  more: Partial<BottlePlan> = {},
): BottlePlan => ({
  slug: Slug.make(slug),
  backend: "docker",
  run: 1,
  image,
  rehydrate: false,
  pull: "never",
  workdir: "/workspace",
  limits: { memoryBytes: 256 * 1024 * 1024, pids: 100 },
  argv: ["sh", "-c", script],
  env: {},
  prompt: "Do it.\n",
  files: [],
  interactive: false,
  ...more,
})
