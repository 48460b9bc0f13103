/** `stop`, `freeze` and `destroy`: the short operations on a bottle. */
import { Args, Command, Options } from "@effect/cli"
import { Effect, Option } from "effect"
import type { BottleState } from "../domain/Bottle.ts"
import { reportFailures } from "./failure.ts"
import { note } from "./output.ts"
import { given, ownBackend, slugs } from "./shared.ts"

const programs = Effect.promise(() => import("./lazy/run.ts"))

/** How many run at once: a stop waits for its agent. */
const AT_ONCE = 8

/** Runs the operation on each bottle. A failure is reported, and the others still run. */
const toEach = <E, R>(names: ReadonlyArray<string>, act: (name: string) => Effect.Effect<void, E, R>) =>
  Effect.forEach(new Set(names), (name) => act(name).pipe(reportFailures(false)), {
    concurrency: AT_ONCE,
    discard: true,
  })

/** `stop SLUG...` */
export const stop = Command.make("stop", { slugs }, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, live, resumeLine, stop } = yield* programs
    yield* toEach(options.slugs, (name) =>
      Effect.gen(function* () {
        const slug = yield* bottleNamed(name)
        const state = yield* stop(slug)
        yield* note(stoppedText(slug, yield* resumeLine(slug), state))
      }),
    ).pipe(Effect.provide(live))
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("End the agent of a bottle (TERM, then KILL after 10 s), and keep the bottle"))

/** `freeze SLUG...` */
export const freeze = Command.make("freeze", { slugs, backend: ownBackend }, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, freeze, live, resumeLine } = yield* programs
    yield* toEach(options.slugs, (name) =>
      Effect.gen(function* () {
        const slug = yield* bottleNamed(name)
        yield* freeze(slug, given("backend", options.backend))
        yield* note(`${slug} is frozen: "${yield* resumeLine(slug)}" continues it`)
      }),
    ).pipe(Effect.provide(live))
  }).pipe(reportFailures(false)),
).pipe(
  Command.withDescription("Save a bottle as an artifact that can be resumed; nothing of it keeps running"),
)

const goneBackend = Options.text("backend").pipe(
  Options.withDescription(
    "The bottle's own backend, if its engine is gone for good: removes what is left here",
  ),
  Options.optional,
)

/** Full slugs only: a label that moved to another bottle must not remove that one. */
const wholeSlugs = Args.text({ name: "slug" }).pipe(
  Args.withDescription("Names of bottles, as `list` shows them; labels are not accepted"),
  Args.atLeast(1),
)

/** `destroy SLUG...` */
export const destroy = Command.make("destroy", { slugs: wholeSlugs, backend: goneBackend }, (options) =>
  Effect.gen(function* () {
    const { destroy, live, slugAlone } = yield* programs
    yield* toEach(options.slugs, (name) =>
      Effect.gen(function* () {
        const slug = yield* slugAlone(name)
        const wasKnown = yield* destroy(slug, given("backend", options.backend))
        yield* note(
          wasKnown ? `${slug} is destroyed` : `no bottle "${slug}" is known; anything left of it was removed`,
        )
      }),
    ).pipe(Effect.provide(live))
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Remove everything of a bottle"))

/** The state of a bottle after a stop, and the possible next steps. */
const stoppedText = (slug: string, line: string, state: Option.Option<BottleState>): string => {
  const resume = `"${line}"`
  const destroy = `"bot-bottle destroy ${slug}"`
  switch (Option.getOrUndefined(state)) {
    case undefined:
      return `no bottle "${slug}" is known: nothing was stopped`
    case "running":
      return `${slug} runs again: another command has resumed it`
    case "exited":
      return `${slug} is stopped: ${resume} continues it, "bot-bottle freeze ${slug}" saves it`
    case "frozen":
      return `${slug} is frozen and does not run: ${resume} continues it`
    case "created":
      return `${slug} does not run: ${resume} starts it again, ${destroy} removes it`
    case "lost":
      return `${slug} does not run, and its artifact is gone: ${destroy} removes the rest`
    case "destroying":
      return `${slug} does not run, and an earlier destroy did not finish: ${destroy} finishes it`
  }
}
