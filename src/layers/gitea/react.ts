/** Reactions of the token's user on a Gitea. */
import { Effect } from "effect"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import type { ReactTo } from "../../services/Forges.ts"
import type { GiteaHttp } from "./http.ts"

/** Adds a reaction; 200 means that the user had already added it. */
export const react = (
  http: GiteaHttp,
  { owner, repo }: { readonly owner: string; readonly repo: string },
  to: ReactTo,
  content: string,
): Effect.Effect<void, ForgeRequestError> =>
  http
    .write({
      operation: "react",
      subject: "comment" in to ? `comment ${to.comment}` : `#${to.number}`,
      path: `repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/issues/${"comment" in to ? `comments/${to.comment}` : to.number}/reactions`,
      method: "POST",
      body: { content },
      expects: [200, 201],
    })
    .pipe(Effect.asVoid, Effect.withSpan("Forges.react"))
