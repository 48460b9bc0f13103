/** bin/enter in real containers without a network, in images that have a shell and one tool each. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { writeRunDirectory } from "../../src/layers/bottle/runDirectory.ts"
import { enterFailure } from "../../src/layers/bottle/runFiles.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { ProcessRunner } from "../../src/services/ProcessRunner.ts"
import { describeDocker } from "../support/docker.ts"
import { testImage } from "../support/images.ts"
import { serveNeck } from "../support/neck.ts"
import { tempDir } from "../support/tempDir.ts"
import { NECK_TOOLS, realProgram } from "../support/tools.ts"

const plan = (argv: ReadonlyArray<string>, more: Partial<BottlePlan> = {}): BottlePlan => ({
  slug: Slug.make("enter-abcde"),
  backend: "docker",
  run: 1,
  image: "",
  rehydrate: false,
  pull: "never",
  workdir: "/workspace",
  limits: { memoryBytes: 1, pids: 1 },
  argv,
  env: { port: "8080", tool: "mine" },
  prompt: "the prompt\n",
  files: [],
  interactive: false,
  ...more,
})

/** Runs an image with what a plan needs, to its end. */
const run = Effect.fnUntraced(function* (image: string, bottle: BottlePlan, served = true) {
  const runner = yield* ProcessRunner
  const home = homeAt(yield* tempDir)
  if (served) yield* serveNeck(home, bottle.slug)
  const { neck } = yield* Effect.provideService(writeRunDirectory(bottle), Home, home)
  const mount = `type=bind,source=${neck},target=/run/bottle,readonly`
  return yield* runner.run({
    command: "docker",
    args: ["run", "--rm", "--init", "--network", "none", "--mount", mount, image, "/run/bottle/bin/enter"],
    timeoutMs: 90_000,
  })
})

const sh = (script: string) => plan(["sh", "-c", script])

describeDocker("enter", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    for (const tool of NECK_TOOLS) {
      it.scoped.skipIf(realProgram(tool) === undefined)(
        `with ${tool} alone, the agent gets prompt, neck and its own exit`,
        () =>
          Effect.gen(function* () {
            const image = yield* testImage({ tools: [tool] })
            const told = yield* run(
              image,
              sh('cat; forge read-issue 1; echo " $port $tool $BOT_BOTTLE_SLUG"; exit 7'),
            )
            assert.deepStrictEqual(told, {
              exitCode: 7,
              stdout: "the prompt\nok 8080 mine enter-abcde\n",
              stderr: "",
            })
          }),
      )
    }

    it.scoped(
      "codes are the agent's own, and one that waits for all children does not wait for the forwarder",
      () =>
        Effect.gen(function* () {
          const image = yield* testImage()
          const codes = yield* Effect.forEach(
            [
              sh("sleep 0.1 & wait; exit 0"),
              sh("kill -KILL $$"),
              sh("kill -TERM $$"),
              plan(["no-such-agent"]),
              plan(["/etc/passwd"]),
              plan(["/etc"]),
            ],
            (bottle) => Effect.map(run(image, bottle), ({ exitCode }) => exitCode),
            { concurrency: 2 },
          )
          assert.deepStrictEqual(codes, [0, 137, 143, 127, 126, 126])
        }),
    )

    it.scoped("without a tool, or without a neck, the bottle ends with the cause in its last line", () =>
      Effect.gen(function* () {
        const bare = yield* run(yield* testImage({ tools: [] }), sh("true"))
        const cause = enterFailure(bare.exitCode, bare.stderr)
        assert.include(JSON.stringify(cause), "install one of perl, python3, socat or node")
        const alone = yield* run(yield* testImage(), sh("true"), false)
        assert.include(
          JSON.stringify(enterFailure(alone.exitCode, alone.stderr)),
          "did not answer within 30 s",
        )
      }),
    )
  })
})
