/** Group commit: one commit for what arrives together, and nobody waits in vain for the answer. */
import { expect, it } from "@effect/vitest"
import { Array as Arr, Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { groupCommit } from "../../../src/layers/sqlite/groupCommit.ts"

/** A commit that keeps what it was given, and answers the double of each. */
const recorder = () => {
  const commits: Array<ReadonlyArray<number>> = []
  return {
    commits,
    commit: (values: ReadonlyArray<number>) =>
      Effect.sync(() => {
        commits.push(values)
        return values.map((value) => value * 2)
      }),
  }
}

/** Does it in a turn of the event loop of its own, as a socket that is read. */
const inTurn = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.async<A, E>((resume) => void setImmediate(() => resume(effect)))

it.effect("what arrives in one turn of the event loop is committed together, each with its own answer", () =>
  Effect.gen(function* () {
    const { commits, commit } = recorder()
    const one = groupCommit(commit)
    const numbers = Arr.range(1, 50)
    const answers = yield* Effect.forEach(numbers, (n) => inTurn(one(n)), { concurrency: "unbounded" })
    expect(answers).toEqual(numbers.map((n) => n * 2))
    expect(commits).toEqual([numbers])
    expect(yield* one(51)).toBe(102)
    expect(commits).toEqual([numbers, [51]])
  }),
)

it.effect("what arrives during a commit is in the next one", () =>
  Effect.gen(function* () {
    const { commits, commit } = recorder()
    const [begun, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const one = groupCommit((values: ReadonlyArray<number>) =>
      Effect.zipRight(
        Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(go)),
        commit(values),
      ),
    )
    const first = yield* Effect.fork(one(1))
    yield* Deferred.await(begun)
    const rest = yield* Effect.fork(Effect.forEach([2, 3], one, { concurrency: "unbounded" }))
    yield* Effect.yieldNow()
    yield* Deferred.succeed(go, undefined)
    expect([yield* Fiber.join(first), yield* Fiber.join(rest)]).toEqual([2, [4, 6]])
    expect(commits).toEqual([[1], [2, 3]])
  }),
)

it.effect("callers that go on at once with their next are committed together again", () =>
  Effect.gen(function* () {
    const { commits, commit } = recorder()
    const one = groupCommit(commit)
    const lane = Effect.forEach(Arr.range(1, 20), one)
    yield* Effect.all(Arr.replicate(lane, 50), { concurrency: "unbounded" })
    expect(commits.map((values) => values.length)).toEqual(Arr.replicate(50, 20))
  }),
)

it.effect("a failure is the failure of all of its commit, and of no other", () =>
  Effect.gen(function* () {
    const one = groupCommit((values: ReadonlyArray<number>) =>
      values.includes(0) ? Effect.fail("no space is left") : Effect.succeed(values),
    )
    const exits = yield* Effect.forEach([1, 0, 2], (n) => Effect.exit(one(n)), { concurrency: "unbounded" })
    expect(exits).toEqual(Arr.replicate(Exit.fail("no space is left"), 3))
    expect(yield* one(3)).toBe(3)
  }),
)

it.effect("a defect reaches all of its commit", () =>
  Effect.gen(function* () {
    const one = groupCommit<number, number, never>(() => Effect.die("broken"))
    const exits = yield* Effect.forEach([1, 2], (n) => Effect.exit(one(n)), { concurrency: "unbounded" })
    expect(exits.map((exit) => Exit.isFailure(exit) && Cause.isDie(exit.cause))).toEqual([true, true])
  }),
)

it.effect("who came first may be interrupted: the others get their answers", () =>
  Effect.gen(function* () {
    const { commits, commit } = recorder()
    const [begun, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const one = groupCommit((values: ReadonlyArray<number>) =>
      Effect.zipRight(
        Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(go)),
        commit(values),
      ),
    )
    const [first, second, third] = yield* Effect.forEach([1, 2, 3], (n) => Effect.fork(one(n)))
    yield* Deferred.await(begun)
    if (first !== undefined) yield* Fiber.interruptFork(first)
    if (third !== undefined) yield* Fiber.interruptFork(third)
    yield* Deferred.succeed(go, undefined)
    expect(second && (yield* Fiber.join(second))).toBe(4)
    expect(commits).toEqual([[1, 2, 3]])
    expect(yield* one(4)).toBe(8)
  }),
)
