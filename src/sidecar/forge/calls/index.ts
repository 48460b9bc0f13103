/** The built-in calls, in the order in which agents see them: agents' caches depend on the order. */
import type { forgeCommands } from "../../../domain/ForgeCommands.ts"
import type { ForgeCall } from "../ForgeCall.ts"
import { gitIdentity } from "./gitIdentity.ts"
import { listAttachments } from "./listAttachments.ts"
import { listIssues } from "./listIssues.ts"
import { openPr } from "./openPr.ts"
import { postComment } from "./postComment.ts"
import { readAttachment } from "./readAttachment.ts"
import { readChecks } from "./readChecks.ts"
import { readComments } from "./readComments.ts"
import { readIssue } from "./readIssue.ts"
import { readPr } from "./readPr.ts"
import { readReviews } from "./readReviews.ts"
import { request } from "./request.ts"
import { requestStatus } from "./requestStatus.ts"
import { signalDone } from "./signalDone.ts"
import { updateDescription } from "./updateDescription.ts"

/** The built-in calls. */
export const builtIn: ReadonlyArray<ForgeCall> = Object.values({
  read_issue: readIssue,
  read_pr: readPr,
  read_comments: readComments,
  post_comment: postComment,
  update_description: updateDescription,
  open_pr: openPr,
  git_identity: gitIdentity,
  signal_done: signalDone,
  read_reviews: readReviews,
  read_checks: readChecks,
  list_attachments: listAttachments,
  read_attachment: readAttachment,
  list_issues: listIssues,
  request,
  request_status: requestStatus,
} satisfies Record<keyof typeof forgeCommands, ForgeCall>)
