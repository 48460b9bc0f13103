/** Events in a simulated Gitea that its webhooks report. */
import type { SimComment, SimHook, SimIssue, SimRepo, SimReview, SimStatus } from "./records.ts"

/** Something that a user did with an issue or a pull request. */
export type IssueAction =
  | "opened"
  | "edited"
  | "closed"
  | "reopened"
  | "assigned"
  | "unassigned"
  | "label_updated"
  | "synchronized"
  | "review_requested"
  | "review_request_removed"

/** The former text, after an edit. */
export interface Changes {
  readonly title?: { readonly from: string }
  readonly body?: { readonly from: string }
}

/** One event, after it happened. */
export type Happening =
  | {
      readonly kind: "issue"
      readonly action: IssueAction
      readonly issue: SimIssue
      readonly actorId: number
      readonly changes?: Changes
      /** The commit that closed it. */
      readonly commit?: string
      /** The requested reviewer. */
      readonly reviewerId?: number
    }
  | {
      readonly kind: "comment"
      readonly action: "created" | "edited" | "deleted"
      readonly issue: SimIssue
      readonly comment: SimComment
      readonly actorId: number
      readonly changes?: Changes
    }
  | {
      readonly kind: "review"
      readonly issue: SimIssue
      readonly review: SimReview
      readonly actorId: number
    }
  | {
      readonly kind: "push"
      readonly repo: SimRepo
      readonly branch: string
      /** Forty zeros for a new branch. */
      readonly before: string
      readonly after: string
      readonly actorId: number
    }
  | {
      readonly kind: "create" | "delete"
      readonly repo: SimRepo
      readonly branch: string
      readonly actorId: number
    }
  | {
      readonly kind: "status"
      readonly repo: SimRepo
      readonly sha: string
      readonly status: SimStatus
    }
  | {
      /** A test delivery to one hook. */
      readonly kind: "test"
      readonly repo: SimRepo
      readonly hook: SimHook
      readonly actorId: number
    }
