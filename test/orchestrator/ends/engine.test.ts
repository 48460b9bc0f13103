/** What ends an agent's run decides what follows: a real engine is stopped, killed and lost under bottles that the orchestrator serves. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { vi } from "vitest"
import { shellAgent } from "../../support/cli.ts"
import { dockerAvailable } from "../../support/docker.ts"
import { demoImageForTests } from "../../support/images.ts"
import { noSecondEngine, secondEngine, type SecondEngine } from "../../support/secondEngine.ts"
import { type Seen, servedHome } from "../../support/servedHome.ts"

if (noSecondEngine !== undefined && process.env["CI_REQUIRE_DOCKER"] === "1") throw new Error(noSecondEngine)
if (noSecondEngine !== undefined)
  process.stderr.write(
    `\n*** tests of engines that end under the orchestrator are SKIPPED: ${noSecondEngine} ***\n\n`,
  )

vi.setConfig({ testTimeout: 300_000 })

/** In its second run it signals with what the first one left; in its first it works until something ends it. */
const GOES_ON = `
  if [ "$BOT_BOTTLE_RUN" -gt 1 ]; then forge signal-done success "$(cat mark)"; exit; fi
  echo kept >mark; echo up; exec sleep 600`

let image = ""
let engine: SecondEngine
let keeping: SecondEngine

const served = (script: string, on: SecondEngine = engine, bottle = "") =>
  Effect.gen(function* () {
    const home = yield* servedHome({
      env: on.env,
      manifests: {
        "agents/worker.md": shellAgent(script),
        "bottles/plain.yaml": `image: ${image}\n${bottle}`,
      },
    })
    const first = yield* home.serve
    yield* home.labels
    yield* first.engine.hint(home.hint("label"))
    const { bottle: row } = yield* home.until(
      ({ bottle, state }) => bottle !== undefined && state?.phase === "running" && saidUp(on, bottle.slug),
    )
    return { home, first, slug: row?.slug ?? "" }
  })

const saidUp = ({ docker }: SecondEngine, slug: string): boolean => {
  const [id] = docker("ps", "-aq", "--filter", `label=bot-bottle.slug=${slug}`).split("\n")
  return id !== undefined && id !== "" && docker("logs", id).includes("up")
}

const stop = (on: SecondEngine, signal: NodeJS.Signals) => Effect.promise(() => on.stop(signal))
const start = (on: SecondEngine) => Effect.promise(() => on.start())

const frozen =
  (run: number) =>
  ({ bottle, state }: Seen): boolean =>
    bottle?.run === run && state?.frozen?.run === run

describe.skipIf(!dockerAvailable || noSecondEngine !== undefined)("an agent under the orchestrator", () => {
  beforeAll(async () => {
    image = await demoImageForTests()
    ;[engine, keeping] = await Promise.all([secondEngine(), secondEngine({ flags: ["--live-restore"] })])
    for (const { env } of [engine, keeping]) {
      const copy = `docker save ${image} | DOCKER_HOST=${env.DOCKER_HOST} docker load`
      expect(spawnSync("sh", ["-c", copy]).status).toBe(0)
    }
  })
  afterAll(async () => {
    await Promise.all([engine.remove(), keeping.remove()])
  })

  it.scopedLive(
    "is resumed once in its own box when its engine is stopped in good order, and started again",
    () =>
      Effect.gen(function* () {
        const { home } = yield* served(GOES_ON)
        yield* stop(engine, "SIGTERM")
        yield* start(engine)
        const { bottle } = yield* home.until(frozen(2))
        expect(bottle?.done).toMatchObject({ value: { summary: "kept" } })
        expect(yield* home.operations).toEqual(["Launch", "Resume machine", "Freeze done"])
      }),
  )

  it.scopedLive("is resumed once when its engine is killed, and away for a while", () =>
    Effect.gen(function* () {
      const { home } = yield* served(GOES_ON)
      yield* stop(engine, "SIGKILL")
      // An outage that lasts: whoever watches is told that there is no engine.
      yield* Effect.sleep("10 seconds")
      yield* start(engine)
      const { bottle } = yield* home.until(frozen(2))
      expect(bottle?.done).toMatchObject({ value: { summary: "kept" } })
      expect(yield* home.operations).toEqual(["Launch", "Resume machine", "Freeze done"])
    }),
  )

  it.scopedLive("is resumed once after a reboot in which the service ended too, and not a second time", () =>
    Effect.gen(function* () {
      const { home, first } = yield* served("echo up; exec sleep 600")
      yield* first.close
      yield* Effect.promise(() => engine.crash())
      yield* start(engine)
      yield* home.serve
      const { bottle } = yield* home.until(
        ({ bottle, state }) =>
          bottle?.run === 2 && state?.machineResumes === 1 && saidUp(engine, bottle.slug),
      )
      expect(bottle?.exit._tag).toBe("None")
      yield* Effect.promise(() => engine.crash())
      yield* start(engine)
      const { state } = yield* home.until(frozen(2))
      expect(state?.frozen).toEqual({ cause: "incomplete", run: 2 })
      expect(yield* home.operations).toEqual(["Launch", "Resume machine", "Freeze incomplete"])
    }),
  )

  it.scopedLive("goes on when an engine that keeps its containers is restarted", () =>
    Effect.gen(function* () {
      const { home, slug } = yield* served(
        "echo up; until [ -e /tmp/go ]; do sleep 1; done; forge signal-done success fine",
        keeping,
      )
      yield* stop(keeping, "SIGTERM")
      yield* start(keeping)
      keeping.docker(
        "exec",
        keeping.docker("ps", "-q", "--filter", `label=bot-bottle.slug=${slug}`),
        "touch",
        "/tmp/go",
      )
      yield* home.until(frozen(1))
      expect(yield* home.operations).toEqual(["Launch", "Freeze done"])
    }),
  )

  it.scopedLive.each([
    ["ends by itself", "echo up; sleep 1; exit 3", ""],
    ["kills itself", "echo up; sleep 1; kill -9 $$", ""],
    ["ends as if it had been told to", "echo up; sleep 1; exit 143", ""],
    [
      "runs out of memory",
      "echo up; sleep 1; exec node -e 'const all=[];for(;;)all.push(Buffer.alloc(1e7,1))'",
      "limits: { memory: 64m }\n",
    ],
    ["is ended by its time limit", "echo up; exec sleep 600", "limits: { timeout: 3 seconds }\n"],
  ] as const)("is frozen as incomplete, and not started again, when it %s", ([, script, bottle]) =>
    Effect.gen(function* () {
      const { home } = yield* served(script, engine, bottle)
      const { state } = yield* home.until(frozen(1))
      expect(state?.frozen).toEqual({ cause: "incomplete", run: 1 })
      expect(yield* home.operations).toEqual(["Launch", "Freeze incomplete"])
    }),
  )

  it.scopedLive("is frozen as incomplete when somebody kills its container", () =>
    Effect.gen(function* () {
      const { home, slug } = yield* served("echo up; exec sleep 600")
      engine.docker("kill", engine.docker("ps", "-q", "--filter", `label=bot-bottle.slug=${slug}`))
      yield* home.until(frozen(1))
      expect(yield* home.operations).toEqual(["Launch", "Freeze incomplete"])
    }),
  )
})
