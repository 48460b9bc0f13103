/** A service that is killed at any step of a life, and begun again: no event's effect is lost, none comes twice, and nothing is left. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomOf } from "../../support/fuzz.ts"
import { nightly } from "../../support/nightly.ts"
import { fastClock } from "./fastClock.ts"
import { restarting } from "./restarting.ts"
import { LABEL, makeWorld, until } from "./world.ts"

/** Repeats a run: which steps are tried, and what becomes of webhooks. */
const SEED = Number(process.env["SEED"] ?? 20_261_129)
/** One step alone. */
const POINT = process.env["POINT"]
/** How many steps the ordinary suite tries, of all. */
const SAMPLE = 14
const AT_ONCE = 3

/** From the label to the merge: a comment, a stop by unlabelling, a review with a line, each seen by webhook or by sweep. */
const live = (kill: string | undefined, index: number) =>
  Effect.suspend(() => {
    const began = Date.now()
    const random = randomOf(SEED + index)
    return Effect.gen(function* () {
      const world = yield* makeWorld({
        sweep: 15_000,
        settle: 5_000,
        // The second is stopped.
        takes: (run) => (run === 2 ? "10 minutes" : "10 seconds"),
      })
      const { sim, boxes, settings, kept, rest, place, targets } = world
      sim.webhooks.treat(() => {
        const dice = random()
        return dice < 0.6 ? {} : dice < 0.8 ? { lost: true } : { times: 2 }
      })
      const service = yield* restarting({ settings, began, ...(kill !== undefined && { kill }) }, world)
      const issue = place(17)
      yield* rest
      yield* targets(17)
      yield* rest
      const pull = world.pr(17)
      const ada = sim.as("ada")
      yield* ada.comment(pull, "Use oak.")
      yield* until("at work", Effect.sync(boxes.working), (working) => working === 1)
      yield* ada.unlabel(issue, LABEL)
      yield* rest
      const lines = [{ path: "src/cask.ts", line: 3, body: "Not pine." }]
      yield* ada.review(pull, { state: "REQUEST_CHANGES", body: "Look.", lines })
      yield* ada.label(issue, LABEL)
      yield* rest
      const frozen = yield* kept
      const artifacts = yield* boxes.fake.artifacts
      yield* ada.merge(pull)
      yield* rest
      const where = `SEED=${SEED} POINT="${kill ?? ""}"`
      const { journal } = boxes
      const said = (text: string) => journal.filter(({ prompt }) => prompt.includes(text)).length
      expect({
        where,
        killed: service.killed,
        frozen: [frozen.issues[17]?.phase, frozen.bottles, artifacts.length],
        end: yield* kept,
        together: journal.map(({ together }) => together),
        slugs: new Set(journal.map(({ slug }) => slug)).size,
        runs: journal.map(({ run }) => run),
        said: ["Bottles leak.", "Use oak.", "Look.", "Not pine."].map(said),
        remains: yield* boxes.remains,
      }).toEqual({
        where,
        killed: kill === undefined ? [] : [`${kill}: SIGKILL`],
        frozen: ["frozen", 1, 1],
        end: expect.objectContaining({
          hints: 0,
          operations: 0,
          bottles: 0,
          issues: expect.objectContaining({
            17: expect.objectContaining({ phase: "destroyed", status: "destroyed" }),
          }),
        }),
        together: [1, 1, 1],
        slugs: 1,
        runs: [1, 2, 3],
        said: [1, 1, 1, 1],
        remains: [],
      })
      return service.steps
    }).pipe(Effect.scoped, Effect.withClock(fastClock(began)))
  })

/** The how-manieth of a kind: polls and sweeps go on for as long as a life takes. */
const EARLY = 6
const isEarly = (step: string) => Number(/#(\d+)$/.exec(step)?.[1] ?? 1) <= EARLY

describe("a service that is killed", () => {
  it.live(
    `at any step of a life loses nothing and does nothing twice (seed ${SEED})`,
    () =>
      Effect.gen(function* () {
        const recorded = [...new Set(yield* live(undefined, 0))].filter(isEarly)
        const random = randomOf(SEED)
        const shuffled = recorded
          .map((step) => [random(), step] as const)
          .sort(([a], [b]) => a - b)
          .map(([, step]) => step)
        expect(shuffled.length).toBeGreaterThanOrEqual(60)
        const points = POINT !== undefined ? [POINT] : nightly ? recorded : shuffled.slice(0, SAMPLE)
        process.stdout.write(
          `SEED=${SEED}: ${points.length} of ${recorded.length} steps\n${points.map((point) => `  ${point}\n`).join("")}`,
        )
        yield* Effect.forEach(points, (point) => live(point, recorded.indexOf(point)), {
          concurrency: AT_ONCE,
          discard: true,
        })
      }),
    3_600_000,
  )
})
