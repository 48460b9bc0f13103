/** A service that is killed at any step of a life, and begun again: no event's effect is lost, none comes twice, and nothing is left. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomOf } from "../../support/fuzz.ts"
import { nightly } from "../../support/nightly.ts"
import { fastClock } from "./fastClock.ts"
import { restarting } from "./restarting.ts"
import { LABEL, makeWorld, until } from "./world.ts"

/** Repeats a run: at which steps, which of them in one life, and what becomes of webhooks. */
const SEED = Number(process.env["SEED"] ?? 20_261_129)
/** Repeats one life: its steps, with commas between them. */
const POINTS = process.env["POINTS"]
/** How many steps of all: everything is `npm run test:nightly`. */
const MANY = process.env["BOT_BOTTLE_FAULTS"] === "1" ? 64 : 0
/** What the ordinary suite tries: a step of the intake, of a decision, of an operation, and of a sweep; and a launch that dies, as does its removal. */
const SAMPLE = [
  ["after Inbox.accept #1", "before Operations.finish #1", "after Backend.start #2", "before sweepOnce #3"],
  ["after BottleStore.put #1", "after ForgeStateStore.modify #2"],
]
/** Deaths in one life. */
const DEATHS = 4
const AT_ONCE = 3

/** From the label to the merge: a comment, a stop by unlabelling, a review with a line, each seen by webhook or by sweep. */
const live = (kills: ReadonlyArray<string>, index: number) =>
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
      const service = yield* restarting({ settings, began, kills }, world)
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
      const { length } = service.killed
      const where = `SEED=${SEED} POINTS="${kills.join()}"`
      const { journal } = boxes
      const said = (text: string) => journal.filter(({ prompt }) => prompt.includes(text)).length
      expect({
        where,
        killed: service.killed.slice(0, length),
        frozen: [frozen.issues[17]?.phase, frozen.bottles, artifacts.length],
        end: yield* kept,
        together: journal.map(({ together }) => together),
        slugs: new Set(journal.map(({ slug }) => slug)).size,
        runs: journal.map(({ run }) => run),
        said: ["Bottles leak.", "Use oak.", "Look.", "Not pine."].map(said),
        remains: yield* boxes.remains,
      }).toEqual({
        where,
        killed: kills.slice(0, length).map((kill) => `${kill}: SIGKILL`),
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
      return { steps: yield* service.steps, missed: kills.slice(length) }
    }).pipe(Effect.scoped, Effect.withClock(fastClock(began)))
  })

/** The how-manieth of a kind: polls and sweeps go on for as long as a life takes. */
const EARLY = 6
const isEarly = (step: string) => Number(/#(\d+)$/.exec(step)?.[1]) <= EARLY

/** The steps at which each life ends for a while, in the order in which it takes them. */
const choose = Effect.gen(function* () {
  if (POINTS !== undefined) return [POINTS.split(",")]
  if (MANY === 0 && !nightly) return SAMPLE
  const recorded = (yield* live([], 0)).steps.filter(isEarly)
  const random = randomOf(SEED)
  const shuffled = recorded
    .map((step, place) => ({ step, place }))
    .sort((a, b) => (a.step < b.step ? -1 : 1))
    .map(({ step, place }) => ({ step, place, dice: random() }))
    .sort((a, b) => a.dice - b.dice)
    .slice(0, nightly ? recorded.length : MANY)
  expect(shuffled.length).toBeGreaterThanOrEqual(60)
  return Array.from({ length: Math.ceil(shuffled.length / DEATHS) }, (_, n) =>
    shuffled
      .slice(n * DEATHS, (n + 1) * DEATHS)
      .sort((a, b) => a.place - b.place)
      .map(({ step }) => step),
  )
})

describe("a service that is killed", () => {
  it.live(
    `at any step of a life loses nothing and does nothing twice (seed ${SEED})`,
    () =>
      Effect.gen(function* () {
        const lives = yield* choose
        process.stdout.write(
          `SEED=${SEED}: ${lives.flat().length} steps in ${lives.length} lives\n${lives.map((points) => `  ${points.join()}\n`).join("")}`,
        )
        const ends = yield* Effect.forEach(lives, live, { concurrency: AT_ONCE })
        // How often some steps are taken is a matter of time: what a life had behind it when its turn came has a life of its own.
        const alone = ends.flatMap(({ missed }) => missed.map((step) => [step]))
        const again = yield* Effect.forEach(alone, live, { concurrency: AT_ONCE })
        const never = again.flatMap(({ missed }) => missed)
        process.stdout.write(`${alone.length} steps alone; never reached: ${never.join()}\n`)
        expect(lives.flat().length - never.length).toBeGreaterThanOrEqual(Math.min(60, lives.flat().length))
      }),
    3_600_000,
  )
})
