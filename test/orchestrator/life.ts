/** One whole life of an issue, in which an engine may be stopped or killed before any change that it makes. */
import { expect } from "@effect/vitest"
import { Deferred, Effect, Option, TestClock } from "effect"
import { operationId } from "../../src/domain/orchestrator/IssueKey.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { Operations } from "../../src/services/Operations.ts"
import { hint, issue, kept, type makeWorld, merges, prOf, says, targets, type WorldOptions } from "./world.ts"

/** How an engine ends: stopped, it tidies up; killed, nothing that it would still change is changed. */
export type Ending = "stopped" | "killed"

/** What a life is to come to. */
export const destroyed = {
  phase: "destroyed",
  status: "destroyed",
  runs: [],
  open: 0,
  generation: 1,
  consumed: 1,
}

/** What the life's operations are to come to: one that was done before an ending is not done again, and none fails. */
const OPERATIONS = ["Launch", "Freeze", "Resume", "Freeze", "Destroy"].map((kind) => `${kind} done`)

const operationsOf = ({ context }: Effect.Effect.Success<ReturnType<typeof makeWorld>>) =>
  Effect.gen(function* () {
    const { get } = yield* Operations
    const all = yield* Effect.forEach([1, 2, 3, 4, 5, 6], (step) =>
      get(operationId(issue, { generation: 1, step })),
    )
    return all.flatMap(
      Option.match({ onNone: () => [], onSome: ({ input, state }) => [`${input._tag} ${state}`] }),
    )
  }).pipe(Effect.provide(context))

/** Calls that change something. */
const CHANGES =
  /^(backend\.(ensureImage|create|start|stop|freeze|remove|removeArtifacts|destroy)|states\.commit|operations\.(start|finish)|inbox\.(accept|handle)|bottles\.(put|mint|modify|remove|withOperation)|rows\.modify|sidecar\.launch)$/

/** Lives from label to merge, with one resume; the engine ends before the `at`th change (0: never), and another goes on. Returns the changes. */
export const liveThrough = Effect.fnUntraced(function* (
  inWorld: (options?: WorldOptions) => ReturnType<typeof makeWorld>,
  ending: Ending,
  at: number,
) {
  const calls: Array<string> = []
  const reached = yield* Deferred.make<void>()
  let isDead = false
  const world = yield* inWorld({
    settle: 5_000,
    gate: (call) =>
      Effect.suspend(() => {
        if (!CHANGES.test(call)) return Effect.void
        if (isDead) return Effect.interrupt
        if (calls.push(call) !== at) return Effect.void
        // Interruptible in regions that are not, too: a process can be ended anywhere.
        return Effect.zipRight(Deferred.succeed(reached, undefined), Effect.interruptible(Effect.never))
      }),
  })
  let serving = yield* world.serve
  let isServedAgain = false
  const go = Effect.fnUntraced(function* (seconds: number) {
    const pass = Effect.suspend(() =>
      Effect.zipRight(TestClock.adjust(`${seconds} seconds`), serving.engine.idle),
    )
    if (isServedAgain) return yield* pass
    yield* Effect.raceFirst(pass, Deferred.await(reached))
    if (!(yield* Deferred.isDone(reached))) return
    isServedAgain = true
    isDead = ending === "killed"
    yield* serving.close
    isDead = false
    serving = yield* world.serve
    yield* pass
  })
  /** Keeps a hint as a webhook does, which the forge sends again when it was not accepted. */
  const arrives = Effect.fnUntraced(function* (id: string, seconds: number) {
    const keep = Effect.provide(
      Effect.flatMap(Inbox, (inbox) => inbox.accept(hint(id))),
      world.context,
    )
    const accept = Effect.suspend(() =>
      isServedAgain ? keep : Effect.raceFirst(keep, Deferred.await(reached)),
    )
    yield* accept
    yield* go(seconds)
    yield* accept
    yield* go(seconds)
  })
  yield* targets(world)
  yield* arrives("label", 20)
  yield* says(world, "ada", prOf(world), "Use oak.")
  yield* arrives("comment", 20)
  yield* merges(world, prOf(world))
  yield* arrives("merged", 10)
  const where = at === 0 ? "never ended" : `${ending} before change ${at}: ${calls[at - 1]}`
  expect(yield* kept(world), where).toMatchObject(destroyed)
  expect(world.prompts.length, where).toBe(2)
  expect(world.prompts[1], where).toContain("Use oak.")
  expect(world.atWork.most, where).toBe(1)
  expect(yield* operationsOf(world), where).toEqual(OPERATIONS)
  expect(yield* world.fake.artifacts, where).toEqual([])
  expect(at === 0 || calls.length >= at, where).toBe(true)
  return calls
}, Effect.scoped)
