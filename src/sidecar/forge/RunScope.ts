/**
 * RunScope decides which numbers this run may write to. A pull request that the operator did not name counts once it is known to be the
 * run's own.
 */
import { Effect, Option } from "effect"
import { type PullRequest, WriteScope } from "../../domain/Forge.ts"
import type { ForgeRequestError, ForgeScopeError } from "../../domain/Errors.ts"
import { mayPush } from "../../domain/PushPolicy.ts"
import type { ForgeApi } from "../../services/Forge.ts"

/** Which numbers this run may write to. */
export interface RunScope {
  /** The scope as far as it is known without a request. */
  readonly known: Effect.Effect<WriteScope>
  /** The scope after the unnamed pull requests were checked. Undecidable ones are left out and checked again later. */
  readonly resolved: Effect.Effect<WriteScope>
  /** The same, but an undecidable one is a failure. */
  readonly decided: Effect.Effect<WriteScope, ForgeRequestError>
  /** Fails when `number` is out of scope. */
  readonly permit: (number: number) => Effect.Effect<void, ForgeScopeError>
  /** Adds a pull request that this run opened. */
  readonly add: (pr: number) => Effect.Effect<void>
}

/**
 * The scope of an issue, of the pull requests that the operator `named`, and of those `opened` that belong to the run: see {@link
 * belongsToRun}.
 */
export const make = (options: {
  readonly forge: ForgeApi
  readonly issue: number
  readonly named: ReadonlyArray<number>
  readonly opened: ReadonlyArray<number>
  readonly push: ReadonlyArray<string>
}): RunScope => {
  const { forge, issue, named, opened, push } = options
  const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)
  let scope = new WriteScope({ issue, prs: [...new Set(named)] })
  let undecided: ReadonlyArray<number> = [...new Set(opened)].filter((pr) => !named.includes(pr))

  const lookAt = (pr: number) =>
    Effect.map(belongs(forge, push, pr), (isOwn) => {
      undecided = undecided.filter((other) => other !== pr)
      if (isOwn) scope = scope.withPr(pr)
    })
  const lookAtAll = oneAtATime(Effect.suspend(() => Effect.validateAll(undecided, lookAt, { discard: true })))

  const known = Effect.sync(() => scope)
  const decided = Effect.suspend(() =>
    undecided.length === 0
      ? known
      : Effect.zipRight(
          Effect.mapError(lookAtAll, ([first]) => first),
          known,
        ),
  )
  const resolved = Effect.catchAll(decided, () => known)
  return {
    known,
    resolved,
    decided,
    permit: (number) =>
      Effect.suspend(() => {
        if (scope.refusal(number) === undefined) return Effect.void
        return Effect.flatMap(resolved, (now) => {
          const refusal = now.refusal(number)
          return refusal === undefined ? Effect.void : Effect.fail(refusal)
        })
      }),
    add: (pr) =>
      Effect.sync(() => {
        scope = scope.withPr(pr)
      }),
  }
}

const belongs = Effect.fn("RunScope.belongs")(function* (
  forge: ForgeApi,
  push: ReadonlyArray<string>,
  number: number,
) {
  const pr = yield* Effect.catchIf(
    Effect.asSome(forge.readPr(number)),
    ({ reason }) => reason === "NotFound",
    () => Effect.succeedNone,
  )
  if (Option.isNone(pr)) return false
  const self = yield* forge.self
  const repository = yield* forge.repositoryId
  return belongsToRun(pr.value, { userId: self.id, repositoryId: repository, push })
})

/** A pull request is the run's own when the token's user opened it from a branch of the same repository that the bottle may push. */
export const belongsToRun = (
  pr: PullRequest,
  run: { readonly userId: number; readonly repositoryId: number; readonly push: ReadonlyArray<string> },
): boolean =>
  run.userId > 0 &&
  pr.authorId === run.userId &&
  run.repositoryId > 0 &&
  pr.headRepoId === run.repositoryId &&
  mayPush(run.push, `refs/heads/${pr.head}`)
