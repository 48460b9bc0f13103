/** Which protected paths a person approved for this run. */
import { Effect } from "effect"
import { type RequestDetail, isBelow } from "../../domain/AgentRequest.ts"
import type { RequestsApi } from "../record/Requests.ts"
import { GitFailure } from "./GitFailure.ts"

/** Returns those of the paths, in the repository of that name, that are not approved. What fits an approval counts for this run from then on. */
export type WithoutApproved = (
  repository: string,
  paths: ReadonlyArray<string>,
) => Effect.Effect<ReadonlyArray<string>, GitFailure>

/** Asks the requests of the run. Paths are compared byte by byte: only what was asked for opens. */
export const withoutApproved =
  (requests: Pick<RequestsApi, "take">): WithoutApproved =>
  (repository, paths) => {
    const covers = (detail: RequestDetail) => (path: string) =>
      detail.kind === "protected_path" && detail.repository === repository && isBelow(detail.path, path)
    return paths.length === 0
      ? Effect.succeed(paths)
      : requests
          .take("protected_path", (detail) => paths.some(covers(detail)))
          .pipe(
            Effect.mapBoth({
              onFailure: () => new GitFailure({ reason: "its approvals cannot be read", remote: [] }),
              onSuccess: (details) => paths.filter((path) => !details.some((detail) => covers(detail)(path))),
            }),
          )
  }
