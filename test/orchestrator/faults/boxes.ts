/** The backend and the sidecars of a service under test: they outlive it, play its agents, and keep a journal of them. */
import { Clock, Context, type Duration, Effect } from "effect"
import type { BottlePlan } from "../../../src/domain/Bottle.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { RunDirectories } from "../../../src/services/RunDirectories.ts"
import { Sidecar } from "../../../src/services/Sidecar.ts"
import * as FakeBackend from "../../../src/testing/FakeBackend.ts"
import * as FakeSidecar from "../../../src/testing/FakeSidecar.ts"

/** An agent that began, as the backend saw it. */
export interface AgentRun {
  readonly issue: number
  readonly slug: string
  readonly run: number
  readonly prompt: string
  /** How many agents of this issue worked when it began, itself too. */
  readonly together: number
  /** It was stopped before it came to its end. */
  isCut?: boolean
}

/** How agents work. */
export interface Work {
  /** How long a run takes, by the clock of the test. */
  readonly takes: (run: number) => Duration.DurationInput
  /** Opens the pull request of an issue, unless it is open; its number. */
  readonly openPr: (issue: number) => Effect.Effect<number>
}

/** The boxes and what came of them. */
export const makeBoxes = Effect.fnUntraced(function* ({ takes, openPr }: Work) {
  const sidecar = yield* FakeSidecar.make
  /** Every agent that began, in order. */
  const journal: Array<AgentRun> = []
  const atWork = new Map<number, number>()
  /** Slugs that have a run directory. */
  const directories = new Set<string>()
  const count = (issue: number, by: 1 | -1) => {
    const now = (atWork.get(issue) ?? 0) + by
    atWork.set(issue, now)
    return now
  }
  const agent = Effect.fnUntraced(function* (plan: BottlePlan) {
    const prompt = plan.prompt ?? ""
    const issue = Number(/^\D*#(\d+)/.exec(prompt)?.[1])
    const slug = Slug.make(plan.slug)
    const entry: AgentRun = { issue, slug, run: plan.run, prompt, together: count(issue, 1) }
    journal.push(entry)
    yield* Effect.sleep(takes(plan.run)).pipe(
      Effect.onInterrupt(() => Effect.sync(() => (entry.isCut = true))),
      Effect.ensuring(Effect.sync(() => count(issue, -1))),
    )
    const at = new Date(yield* Clock.currentTimeMillis).toISOString()
    if (plan.run === 1)
      yield* sidecar.push({ version: 1, kind: "pr-opened", slug, number: yield* openPr(issue), at })
    yield* sidecar.push({ version: 1, kind: "done", slug, status: "success", summary: "mended", at })
    return 0
  })
  const fake = yield* FakeBackend.make({ agent })
  const launching = Sidecar.of({
    ...sidecar.sidecar,
    launch: (config) =>
      Effect.tap(sidecar.sidecar.launch(config), () => Effect.sync(() => directories.add(config.slug))),
  })
  const run = Context.get(sidecar.services, RunDirectories)
  const services = sidecar.services.pipe(
    Context.add(Sidecar, launching),
    Context.add(RunDirectories, {
      ...run,
      forget: (slug) => Effect.tap(run.forget(slug), () => Effect.sync(() => directories.delete(slug))),
    }),
  )
  return {
    fake,
    services,
    journal,
    /** How many agents work now. */
    working: () => [...atWork.values()].reduce((sum, n) => sum + n, 0),
    /** All that is left of bottles: boxes, artifacts, sidecars (and with them keys), run directories. */
    remains: Effect.gen(function* () {
      const boxes = yield* Effect.orDie(fake.backend.list)
      const sidecars = yield* Effect.orDie(launching.list)
      return [
        ...boxes.map(({ slug }) => `box ${slug}`),
        ...(yield* fake.artifacts).map((name) => `artifact ${name}`),
        ...sidecars.map(({ slug }) => `sidecar ${slug}`),
        ...[...directories].map((slug) => `run directory of ${slug}`),
      ]
    }),
  }
})

/** Boxes. */
export type Boxes = Effect.Effect.Success<ReturnType<typeof makeBoxes>>
