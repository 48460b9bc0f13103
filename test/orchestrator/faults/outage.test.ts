/** Hundreds of events, half of whose webhooks are lost, late, out of order or repeated, with the service down for a third of the time: it comes to the same as without. */
import { expect, it } from "@effect/vitest"
import { vi } from "vitest"
import { Effect } from "effect"
import { randomOf } from "../../support/fuzz.ts"
import { type Deed, type Due, makeRounds } from "./deeds.ts"
import { fast, LABEL, makeWorld, prOf, type World } from "./world.ts"

/** Repeats a case. */
const SEED = Number(process.env["SEED"] ?? 20_261_129)
const ISSUES = Array.from({ length: 10 }, (_, n) => n + 11)
const MORE = Array.from({ length: 10 }, (_, n) => n + 51)
const SIZES = [100, 100, 100, 100, 100]
const rounds = makeRounds(SEED, [...ISSUES, ...MORE], SIZES)

const perform = ({ sim, place }: World, { issue, who, does, mark }: Deed): Effect.Effect<unknown> => {
  const person = sim.as(who)
  const at = place(issue)
  const pull = prOf(sim.state, issue) ?? at
  switch (does) {
    case "label":
    case "unlabel":
      return person[does](at, LABEL)
    case "comment":
      return person.comment(at, mark)
    case "commentOnPull":
      return person.comment(pull, mark)
    case "review":
      return pull === at
        ? person.comment(at, mark)
        : person.review(pull, { state: "REQUEST_CHANGES", body: mark })
    case "closePull":
      return person.close(pull)
    case "reopenPull":
      return person.reopen(pull)
    case "merge":
      return person.merge(pull)
    case "closeIssue":
      return person.close(at)
    case "reopenIssue":
      return person.reopen(at)
  }
}

/** How many bottles were given a mark. */
const given = ({ boxes }: World, mark: string) => boxes.journal.filter(({ prompt }) => prompt.includes(mark))

/** What came of an issue: what must be the same, whatever happened on the way. */
const outcome = (world: World, kept: Effect.Effect.Success<World["kept"]>, issue: number, due: Due) => ({
  issue,
  phase: kept.issues[issue]?.phase ?? "new",
  status: kept.issues[issue]?.status ?? null,
  given: due.held ? due.once.map((mark) => [mark, given(world, mark).length]) : [],
})

/** Lives through all rounds, in an outage or not; returns what came of each issue after each round. */
const live = Effect.fnUntraced(function* (outage: boolean) {
  const random = randomOf(SEED + 1)
  const below = (end: number) => Math.floor(random() * end)
  const world = yield* makeWorld({
    issues: ISSUES,
    more: MORE,
    settle: 10_000,
    closeGrace: 60_000,
  })
  const { sim, boxes } = world
  yield* Effect.forEach([...ISSUES, ...MORE], (issue) =>
    sim.as("ada").assign(world.place(issue), "cellar-bot"),
  )
  if (outage)
    sim.webhooks.treat(() => {
      const dice = random()
      if (dice < 0.5) return {}
      if (dice < 0.65) return { lost: true }
      if (dice < 0.8) return { held: true }
      return dice < 0.9 ? { times: 1 + below(3) } : { delayMillis: below(60_000) }
    })
  /** Those that wait come in another order; some never do, and some come twice. */
  const release = sim.webhooks.release((held) =>
    held
      .flatMap((one) => (random() < 0.2 ? [] : random() < 0.3 ? [one, one] : [one]))
      .map((one) => [random(), one] as const)
      .sort(([a], [b]) => a - b)
      .map(([, one]) => one),
  )
  const outcomes: Array<ReadonlyArray<ReturnType<typeof outcome>>> = []
  let down = 0
  yield* world.serve
  for (const [index, { deeds, due }] of rounds.entries()) {
    const third = Math.ceil(deeds.length / 3)
    const from = below(deeds.length - third)
    for (const [n, deed] of deeds.entries()) {
      if (outage && n === from) yield* world.stop
      if (outage && n === from + third) yield* world.serve
      if (outage && n >= from && n < from + third) down += 1
      if (outage && n % 10 === 0) yield* release
      yield* perform(world, deed)
      // What is opened again at once was never closed for long.
      if (deed.does !== "closePull" || deeds[n + 1]?.does !== "reopenPull") yield* Effect.sleep("1 second")
    }
    yield* world.rest
    const kept = yield* world.kept
    outcomes.push([...due].map(([issue, it]) => outcome(world, kept, issue, it)))
    for (const [issue, it] of due) {
      const where = `seed ${SEED}, ${outage ? "with" : "without"} an outage, round ${index}, #${issue}`
      expect([where, kept.issues[issue]?.phase ?? "new"]).toEqual([
        where,
        { new: "new", frozen: "frozen", over: "destroyed" }[it.state],
      ])
      if (it.held && it.state === "frozen")
        for (const mark of it.once) expect([where, mark, given(world, mark).length]).toEqual([where, mark, 1])
      for (const mark of it.maybe) {
        const slugs = given(world, mark).map(({ slug }) => slug)
        expect([where, mark, new Set(slugs).size]).toEqual([where, mark, slugs.length])
      }
    }
    const resting = outcomes.at(-1)?.filter(({ phase }) => phase === "frozen").length
    expect(yield* boxes.fake.artifacts).toHaveLength(resting ?? -1)
    expect(yield* boxes.fake.backend.list).toEqual([])
  }
  expect(boxes.journal.filter(({ together }) => together !== 1)).toEqual([])
  const strange = deedsOf("eve").filter((mark) => given(world, mark).length > 0)
  expect(strange).toEqual([])
  return { outcomes, down, deliveries: sim.webhooks.deliveries }
})

const deedsOf = (who: Deed["who"]) =>
  rounds.flatMap(({ deeds }) => deeds.filter((deed) => deed.who === who).map(({ mark }) => mark))

vi.setConfig({ testTimeout: 900_000 })

it.scopedLive(`500 events through an outage come to what they come to without one (seed ${SEED})`, () =>
  fast(
    Effect.gen(function* () {
      const events = rounds.flatMap(({ deeds }) => deeds)
      expect(events.length).toBeGreaterThanOrEqual(500)
      expect(new Set(events.map(({ does }) => does)).size).toBe(10)
      const [calm, stormy] = yield* Effect.all([live(false), live(true)], { concurrency: 2 })
      expect(stormy.outcomes).toEqual(calm.outcomes)
      expect(stormy.down).toBeGreaterThanOrEqual(events.length / 3)
      expect(calm.down).toBe(0)
      const once = stormy.deliveries.filter(({ answers }) => answers.length === 1 && answers[0] === 202)
      expect(once.length).toBeLessThan(stormy.deliveries.length * 0.75)
    }),
  ),
)
