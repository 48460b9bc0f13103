/** What the gate asks the run's forge about an upstream that is one of its repositories. */
import { Effect } from "effect"
import { type CallFailure, failureOfForge } from "../forge/CallFailure.ts"
import { type ServedForge, actOf, refuseClosing } from "../forge/callContext.ts"
import { type ClosingOptions, closingReferenceOutside } from "../../domain/ClosingKeywords.ts"
import { type ForgePlace, isRepositoryOf, repositoryAt } from "../../domain/ForgeRepository.ts"
import type { TextProblem } from "./messages.ts"
import type { Upstream } from "./Upstream.ts"

/** The forge of an upstream. */
export interface UpstreamForge {
  /** For the run's own repository: the bases of its open pull requests, by head. Fails when the forge cannot be reached. */
  readonly openBases?: Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>, CallFailure>
  /** Why a commit may not have that message, if so. */
  readonly messageProblem: TextProblem
}

/** The run's forge from the view of an upstream; none for an upstream elsewhere. */
export const upstreamForge =
  (place: ForgePlace | undefined, forge: ServedForge | undefined) =>
  ({ url }: Upstream): UpstreamForge | undefined => {
    if (place === undefined || forge === undefined) return undefined
    if (isRepositoryOf(place, url)) return ownRepository(forge)
    const other = repositoryAt(place.webUrl, url)
    return (
      other && { messageProblem: (text) => Effect.sync(() => foreignProblem(text, other, forge.closing)) }
    )
  }

const ownRepository = (forge: ServedForge): UpstreamForge => ({
  openBases: Effect.gen(function* () {
    const { openPrs, repositoryId } = forge.api
    const id = yield* repositoryId
    const bases = new Map<string, ReadonlyArray<string>>()
    for (const { head, base, headRepoId } of yield* openPrs)
      if (headRepoId === id) bases.set(head, [...(bases.get(head) ?? []), base])
    return bases
  }).pipe(Effect.mapError(failureOfForge)),
  messageProblem: (text) =>
    Effect.match(refuseClosing(forge, text), {
      onFailure: ({ message }) => message,
      onSuccess: () => undefined,
    }),
})

/** In another repository of the forge nothing is in scope, and commits there can close issues of every repository. */
const foreignProblem = (
  text: string,
  place: { readonly owner: string; readonly repo: string },
  options: ClosingOptions,
): string | undefined => {
  const found = closingReferenceOutside(text, { ...place, writable: [] }, options)
  return found && `${actOf(found)}, and it is out of assigned scope: reword the text`
}
