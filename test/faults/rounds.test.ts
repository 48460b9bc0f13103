/** One bottle, frozen and resumed again and again: its image is made flat on the way, and nothing piles up. */
import { Effect, Layer, Logger, LogLevel } from "effect"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { expect, it } from "vitest"
import * as LiveBackends from "../../src/layers/backends.ts"
import { makeWith } from "../../src/layers/docker/DockerBackend.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as FileManifests from "../../src/layers/manifests/FileManifests.ts"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as LiveProviders from "../../src/layers/providers/LiveProviders.ts"
import * as SidecarInProcess from "../../src/layers/sidecar/SidecarInProcess.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import type { RunEvent } from "../../src/programs/options.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { nightly } from "../support/nightly.ts"
import { demoImageForTests } from "../support/images.ts"

const ROUNDS = nightly ? 300 : 30

/** The demo's image has one, and each freeze adds one: so that every ninth round flattens. */
const MAX_LAYERS = 10

const root = mkdtempSync(join(tmpdir(), "bb-rounds-"))

const layers = Layer.mergeAll(
  FileManifests.layer,
  LiveProviders.layer,
  LiveBackends.layer({ docker: makeWith({ maxLayers: MAX_LAYERS }) }),
  MemoryBottleStore.layer,
  MemoryForgeStateStore.layer,
  SidecarInProcess.layer,
).pipe(Layer.provideMerge(NodeProcessRunner.layer), Layer.provideMerge(Layer.succeed(Home, homeAt(root))))

/** What a run wrote. */
const heard = () => {
  const pieces: Array<Uint8Array> = []
  const observe = (event: RunEvent) =>
    Effect.sync(() => void (event._tag === "Output" && pieces.push(event.bytes)))
  return { observe, text: () => Buffer.concat(pieces).toString() }
}

describeDocker("a bottle of many rounds", () => {
  it(
    `keeps its files, its user and its environment through ${ROUNDS} freezes`,
    { timeout: 3_600_000 },
    async () => {
      const image = await demoImageForTests()
      const script =
        'echo "$BOT_BOTTLE_RUN" >>runs; wc -l <runs; tail -n 1 runs; id -u; echo "$GREETING"; pwd'
      for (const [path, content] of [
        ["agents/worker.md", shellAgent(script)],
        ["bottles/plain.yaml", `image: ${image}\nenv: { GREETING: "it's \\"so\\"" }\n`],
      ] as const) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), content)
      }
      const said = (round: number) => `${round}\n${round}\n1000\nit's "so"\n/workspace\n`
      const program = Effect.gen(function* () {
        const first = heard()
        const slug = yield* startHeadless("worker", { prompt: "x", observe: first.observe })
        expect(first.text()).toBe(said(1))
        const label = `label=bot-bottle.slug=${slug}`
        for (let round = 2; round <= ROUNDS + 1; round += 1) {
          yield* freeze(slug)
          expect(docker("ps", "-aq", "--filter", label)).toBe("")
          expect(docker("images", "-q", "--no-trunc", "--filter", label).split("\n")).toHaveLength(1)
          const { observe, text } = heard()
          yield* resumeHeadless(slug, { prompt: "y", observe })
          expect(text()).toBe(said(round))
        }
        const [container = ""] = docker("ps", "-aq", "--filter", label).split("\n")
        const used = docker("container", "inspect", "--format", "{{.Image}}", container)
        const depth = docker("image", "inspect", "--format", "{{len .RootFS.Layers}}", used)
        expect(Number(depth)).toBeLessThanOrEqual(MAX_LAYERS)
        yield* destroy(slug)
        expect(yield* listBottles()).toEqual([])
        expect(docker("ps", "-aq", "--filter", label) + docker("images", "-aq", "--filter", label)).toBe("")
        expect(readdirSync(join(root, "run"))).toEqual([])
      })
      await Effect.runPromise(program.pipe(Effect.provide(layers), Logger.withMinimumLogLevel(LogLevel.None)))
      rmSync(root, { recursive: true, force: true })
    },
  )
})
