/** repositoryContents: what the clone of a run's own repository will not have, read at launch, so that the agent knows it in advance. */
import { Effect, Option } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { RunBottle } from "../domain/OwnRepository.ts"
import { CONTENT_FILES, type MissingContent, missingContents } from "../domain/RepositoryContents.ts"
import { Forges } from "../services/Forges.ts"

/** A launch does not wait longer for it. */
const LIMIT = "5 seconds"

/** Nothing for a bottle that does not have the repository. What the forge does not say is not reported: it refuses no launch. */
export const repositoryContents = Effect.fn("repositoryContents")(function* (
  { git = {} }: RunBottle,
  forge: AssignedForge | undefined,
) {
  const forges = yield* Effect.serviceOption(Forges)
  const nothing: ReadonlyArray<MissingContent> = []
  if (forge === undefined || Option.isNone(forges)) return nothing
  if (!Object.values(git).some(({ own }) => own === true)) return nothing
  const { target, assignment } = forge
  const read = (path: string) =>
    Effect.map(
      forges.value.readFile(target, path, assignment.base),
      Option.getOrElse(() => ""),
    )
  const found = yield* Effect.all(
    { attributes: read(CONTENT_FILES.attributes), modules: read(CONTENT_FILES.modules) },
    { concurrency: "unbounded" },
  ).pipe(
    Effect.map(missingContents),
    Effect.timeout(LIMIT),
    Effect.catchAll((error) =>
      Effect.as(
        Effect.logDebug("could not find out whether the repository uses git-lfs or submodules", error),
        nothing,
      ),
    ),
  )
  if (found.length > 0)
    yield* Effect.logWarning(
      `${target.owner}/${target.repo} uses ${found.join(" and ")}, which a clone in a bottle does not have: the prompt says so`,
    )
  return found
})
