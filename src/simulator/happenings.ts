/** What happens in a simulated Gitea and its webhooks tell. */
import type { SimComment, SimHook, SimIssue, SimRepo, SimReview, SimStatus } from "./records.ts"

/** Something that a user did to an issue or a PR. */
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

/** The former text of what was edited. */
export interface Changes {
  readonly title?: { readonly from: string }
  readonly body?: { readonly from: string }
}

/** One thing that happened, after it did. */
export type Happening =
  | {
      readonly kind: "issue"
      readonly action: IssueAction
      readonly issue: SimIssue
      readonly actorId: number
      readonly changes?: Changes
      /** The commit that closed it. */
      readonly commit?: string
      /** Who was asked for a review. */
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
      /** Forty zeros for a branch that is new. */
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
      /** A delivery to try one hook. */
      readonly kind: "test"
      readonly repo: SimRepo
      readonly hook: SimHook
      readonly actorId: number
    }
