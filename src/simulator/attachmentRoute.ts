/** Serves attachments of issues and comments, outside of a simulated Gitea's API. */
import type { Reply } from "./router.ts"
import type { GiteaState, SimUser } from "./state.ts"

const NOT_FOUND: Reply = { status: 404, text: "404 page not found\n" }

/** The response to an attachment's address: 404 for somebody who may not read its repository. */
export const attachmentReply = (
  state: GiteaState,
  method: string,
  path: string,
  user: SimUser | undefined,
): Reply => {
  const uuid = /^\/attachments\/([0-9a-f-]+)$/.exec(path)?.[1]
  if (uuid === undefined || method !== "GET") return NOT_FOUND
  for (const repo of state.repos)
    for (const issue of repo.issues.values())
      for (const { attachments = [] } of [issue, ...issue.comments]) {
        const found = attachments.find((attachment) => attachment.uuid === uuid)
        if (found === undefined) continue
        if (state.permission(repo, user) === "none") return NOT_FOUND
        return found.redirect === undefined
          ? {
              status: 200,
              bytes: found.content,
              headers: { "content-type": found.type ?? "application/octet-stream" },
            }
          : { status: 303, text: "", headers: { location: found.redirect } }
      }
  return NOT_FOUND
}
