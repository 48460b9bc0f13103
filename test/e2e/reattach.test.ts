/** A bottle launched by one process and awaited by another: two sets of live layers over one home. */
import { Effect, Layer, Ref } from "effect"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import { layer } from "../../src/layers/live.ts"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { destroy } from "../../src/programs/destroy.ts"
import { launch } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { relaunch } from "../../src/programs/relaunch.ts"
import { shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

const root = mkdtempSync(join(tmpdir(), "bb-again-"))

/** Runs a program over live layers of its own, as a process of its own would. */
const asProcess = <A, E, R extends Layer.Layer.Success<typeof layer>>(
  program: Effect.Effect<A, E, R>,
): Promise<A> =>
  Effect.runPromise(
    program.pipe(
      Effect.provide(Layer.fresh(layer)),
      Effect.provideService(Home, homeAt(root)),
    ) as Effect.Effect<A, E>,
  )

describeDocker("a bottle that outlives its launcher", () => {
  beforeAll(async () => {
    const image = await demoImageForTests()
    for (const [path, content] of [
      ["agents/slow.md", shellAgent("echo first; echo oops >&2; sleep 3; echo last; exit 7")],
      ["bottles/plain.yaml", `image: ${image}\n`],
    ] as const) {
      mkdirSync(join(root, path, ".."), { recursive: true })
      writeFileSync(join(root, path), content)
    }
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it("is awaited by another process, which gets all its output, its exit code and its events", async () => {
    const slug = await asProcess(launch("slow", { prompt: "x" }))
    const heard = await asProcess(
      Effect.gen(function* () {
        const output = yield* Ref.make({ stdout: "", stderr: "" })
        const error = yield* Effect.flip(
          awaitExit(slug, {
            observe: (event) =>
              event._tag === "Output"
                ? Ref.update(output, (all) => ({
                    ...all,
                    [event.stream]: all[event.stream] + Buffer.from(event.bytes).toString(),
                  }))
                : Effect.void,
          }),
        )
        return { error, output: yield* output, bottles: yield* listBottles() }
      }),
    )
    expect(heard.error).toMatchObject({ _tag: "AgentExited", exitCode: 7 })
    expect(heard.output).toEqual({ stdout: "first\nlast\n", stderr: "oops\n" })
    expect(heard.bottles).toMatchObject([{ state: "exited", exit: { value: { code: 7 } } }])
    await asProcess(destroy(slug))
  })

  it("is relaunched by one process and awaited by another", async () => {
    const slug = await asProcess(launch("slow", { prompt: "x" }))
    await asProcess(Effect.flip(awaitExit(slug)))
    await asProcess(relaunch(slug, { prompt: "y" }))
    expect(await asProcess(listBottles())).toMatchObject([{ state: "running" }])
    expect(await asProcess(Effect.flip(awaitExit(slug)))).toMatchObject({ _tag: "AgentExited", exitCode: 7 })
    await asProcess(destroy(slug))
  })
})
