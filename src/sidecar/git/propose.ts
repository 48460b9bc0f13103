/** Checks a pull request before it is opened: at protected paths its head must equal its base's current state. */
import { Effect, Option } from "effect"
import { CallFailure } from "../forge/CallFailure.ts"
import { branchBase, protectedDifferences } from "./bases.ts"
import { GitFailure } from "./GitFailure.ts"
import type { GitContext, Repository } from "./Repository.ts"

const SHOWN_MAX = 5

/** Returns the name of the base. Fails when the head differs from it at a protected path, and when that cannot be checked. */
export const requireProposable = Effect.fnUntraced(
  function* (
    context: Pick<GitContext, "runner" | "withoutApproved">,
    repository: Repository,
    head: string,
    asked?: string,
  ) {
    const branch = yield* repository.syncWithHead
    const name = asked ?? (yield* nameOf(branch))
    const base = yield* branchBase(repository, name)
    const { id } = yield* branchBase(repository, head)
    const lines = yield* protectedDifferences(context, repository, base, id)
    if (lines.length === 0) return name
    const shown = [...lines.slice(0, SHOWN_MAX), ...(lines.length > SHOWN_MAX ? ["and more"] : [])].join("; ")
    return yield* new GitFailure({ reason: `merge ${name} first and push: ${shown}`, remote: [] })
  },
  (effect, _context, _repository, head) =>
    Effect.mapError(
      effect,
      ({ reason, remote }) =>
        new CallFailure({
          kind: "params",
          message: `open_pr from "${head}": ${[reason, ...remote].join(": ")}`,
        }),
    ),
)

const nameOf = (head: Option.Option<string>) =>
  Effect.mapBoth(head, {
    onFailure: () =>
      new GitFailure({ reason: "the upstream has no default branch: name a base", remote: [] }),
    onSuccess: (ref) => ref.replace(/^refs\/heads\//, ""),
  })
