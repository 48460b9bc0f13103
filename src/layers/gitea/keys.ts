/** Deploy keys of one repository on a Gitea: registered once, found again, removed. */
import { Effect, Option } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import type { ForgeApi } from "../../services/Forge.ts"
import { DeployKeyAnswer, toDeployKey } from "./answers.ts"
import type { GiteaForgeConfig } from "./GiteaForgeConfig.ts"
import { decode } from "./http.ts"
import { sendOnce } from "./lostAnswer.ts"
import { collectPages, type GiteaReads } from "./reads.ts"

/** The deploy keys of one repository. */
export const makeKeys = (
  reads: GiteaReads,
  { owner, repo }: GiteaForgeConfig,
): Pick<ForgeApi, "listDeployKeys" | "createDeployKey" | "deleteDeployKey"> => {
  const { http, repoPath } = reads
  const callOf = (operation: string) => ({
    operation,
    subject: `the deploy keys of ${owner}/${repo}`,
    path: `${repoPath}/keys`,
  })

  const list = (operation: string) =>
    collectPages(
      (page) => reads.page({ ...callOf(operation), query: { page } }, DeployKeyAnswer),
      operation,
    ).pipe(
      Effect.map((keys) => keys.map(toDeployKey)),
      Effect.mapError(adminHint),
    )

  const createDeployKey: ForgeApi["createDeployKey"] = Effect.fn("Forge.createDeployKey")(function* (key) {
    const operation = "createDeployKey"
    const call = { ...callOf(operation), subject: `a deploy key for ${owner}/${repo}` }
    const find = Effect.map(list(operation), (keys) =>
      Option.map(
        Option.fromNullable(
          keys.find(
            ({ publicKey, title, readOnly }) =>
              publicKey === key.publicKey && title === key.title && readOnly === key.readOnly,
          ),
        ),
        ({ id }) => id,
      ),
    )
    const send = http
      .write({
        ...call,
        method: "POST",
        // Without `read_only` Gitea creates a key that may push.
        body: { title: key.title, key: key.publicKey, read_only: key.readOnly },
      })
      .pipe(
        Effect.flatMap((answer) => decode(call, answer, DeployKeyAnswer)),
        Effect.map(({ id }) => id),
        Effect.mapError(adminHint),
        // Gitea's response to every conflict. A conflict with our own key means that an earlier, slow request succeeded and its response
        // was lost.
        Effect.catchIf(
          (error) => error.reason === "Invalid",
          (taken) =>
            Effect.flatMap(
              Effect.orElseSucceed(find, () => Option.none<number>()),
              Option.match({ onSome: Effect.succeed, onNone: () => Effect.fail(taken) }),
            ),
        ),
      )
    return yield* sendOnce(send, find)
  })

  return {
    listDeployKeys: Effect.withSpan(list("listDeployKeys"), "Forge.listDeployKeys"),
    createDeployKey,
    deleteDeployKey: Effect.fn("Forge.deleteDeployKey")((id: number) =>
      Effect.mapError(
        http.remove({ ...callOf("deleteDeployKey"), path: `${repoPath}/keys/${id}` }),
        adminHint,
      ),
    ),
  }
}

/** Gitea lets only administrators of a repository see and change its keys, and returns 404 to others. */
const adminHint = (error: ForgeRequestError): ForgeRequestError =>
  error.reason === "Forbidden" || error.reason === "NotFound"
    ? new ForgeRequestError({
        operation: error.operation,
        status: error.status,
        reason: error.reason,
        detail:
          "deploy keys take an administrator of the repository and a token with the scope write:repository: make the bot " +
          "one, or name a key of your own by key.identityFile; check the repository's name in the url, too",
      })
    : error
