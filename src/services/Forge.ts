/** Forge can read the issues, pull requests and comments of one repository, and write to them. `scoped` limits where it writes. */
import type { Option, Stream } from "effect"
import { Context, Effect } from "effect"
import { ForgeRequestError } from "../domain/Errors.ts"
import type { ForgeScopeError } from "../domain/Errors.ts"
import type { Comment, DeployKey, Issue, PullRequest, WriteScope } from "../domain/Forge.ts"
import type {
  Attachment,
  AttachmentContent,
  Checks,
  Dependencies,
  IssuePage,
  IssueQuery,
  PullRequestDetails,
  Review,
  TimelineEntry,
} from "../domain/ForgeDetails.ts"

/** The user of the forge token. */
export interface ForgeSelf {
  readonly login: string
  readonly id: number
}

/** Input to open a pull request. `base` defaults to the repository's default branch. Branch names have no `refs/heads/`. */
export interface OpenPr {
  readonly title: string
  readonly body: string
  readonly head: string
  readonly base?: string
}

/** Errors of a write: those of a read, and a refusal by a scope. */
export type ForgeWriteError = ForgeRequestError | ForgeScopeError

/**
 * What can be read from a forge, for one repository. Reading an issue's number as a pull request, or the reverse, fails with
 * `NotFound`.
 */
export interface ForgeReads {
  readonly repository: { readonly owner: string; readonly repo: string }
  readonly self: Effect.Effect<ForgeSelf, ForgeRequestError>
  /** The forge's clock in milliseconds, as its newest response had it. Without one, this machine's clock counts. */
  readonly now?: Effect.Effect<number>
  /** Numeric ID of the repository. A pull request with another `headRepoId` comes from a fork. */
  readonly repositoryId: Effect.Effect<number, ForgeRequestError>
  /** Whether a branch is the default branch or is protected by the forge. Fails with `NotFound` when there is no such branch. */
  readonly isGuardedBranch: (branch: string) => Effect.Effect<boolean, ForgeRequestError>
  readonly readIssue: (number: number) => Effect.Effect<Issue, ForgeRequestError>
  readonly readPr: (number: number) => Effect.Effect<PullRequest, ForgeRequestError>
  /** Oldest first. `authorTrusted` is asked once for each author, and is false when it cannot be decided. */
  readonly readComments: (number: number) => Effect.Effect<ReadonlyArray<Comment>, ForgeRequestError>
  readonly readPrDetails: (number: number) => Effect.Effect<PullRequestDetails, ForgeRequestError>
  /** Submitted reviews of a pull request, oldest first, each with its comments on lines. Requests for a review are left out. */
  readonly readReviews: (number: number) => Effect.Effect<ReadonlyArray<Review>, ForgeRequestError>
  /** Checks of a pull request's head: the newest result of each. */
  readonly readChecks: (number: number) => Effect.Effect<Checks, ForgeRequestError>
  /** Issues of the repository, without pull requests; one page of at most 50. */
  readonly listIssues: (query: IssueQuery) => Effect.Effect<IssuePage, ForgeRequestError>
  /** Files attached to an issue or a pull request and to its comments: those of the description first, then by comment. */
  readonly listAttachments: (number: number) => Effect.Effect<ReadonlyArray<Attachment>, ForgeRequestError>
  /**
   * Reads one attachment, from the address that the forge itself gives for it. Fails with `NotFound` for an ID that is not attached to
   * that number, and with `Malformed` for a file that is too large. A redirect fails with `Moved` and is not followed.
   */
  readonly readAttachment: (number: number, id: number) => Effect.Effect<AttachmentContent, ForgeRequestError>
  /** What an issue depends on; empty on a forge that has no dependencies. */
  readonly dependencies: (number: number) => Effect.Effect<Dependencies, ForgeRequestError>
  /** Who labelled, assigned or closed an issue or a pull request, and other events; oldest first. */
  readonly timeline: (number: number) => Effect.Effect<ReadonlyArray<TimelineEntry>, ForgeRequestError>
  /** Fails with `Undecidable` when it cannot be decided: the token's user must be a member of the organisation to ask. */
  readonly isOrgMember: (org: string, user: string) => Effect.Effect<boolean, ForgeRequestError>
  /** Fails with `Forbidden` when it cannot be decided: the token's user may not read the permissions of others. */
  readonly canWrite: (user: string) => Effect.Effect<boolean, ForgeRequestError>
  /**
   * For a pull request's number: that pull request. For an issue: its linked pull request, open before closed, newest first; otherwise
   * none.
   */
  readonly getPrForIssue: (number: number) => Effect.Effect<Option.Option<number>, ForgeRequestError>
  readonly isPrOpen: (number: number) => Effect.Effect<boolean, ForgeRequestError>
  /** All open pull requests, whoever opened them. `head` is the branch name, also of a branch that is gone. */
  readonly openPrs: Effect.Effect<ReadonlyArray<PullRequest>, ForgeRequestError>
  /** Open issues with a `bot-bottle:` label that were updated since (ISO 8601; `""` means all). */
  readonly targetedIssues: (since: string) => Stream.Stream<Issue, ForgeRequestError>
  /** All deploy keys of the repository. Listing, adding and removing keys requires an administrator of the repository. */
  readonly listDeployKeys: Effect.Effect<ReadonlyArray<DeployKey>, ForgeRequestError>
}

/** All writes to a forge in one type, so that {@link scoped} limits every one of them. */
export interface ForgeWrites {
  /** Returns the comment's ID. The body is sent unchanged, and only once, even when the response is lost. */
  readonly postComment: (number: number, body: string) => Effect.Effect<number, ForgeWriteError>
  readonly updateDescription: (number: number, body: string) => Effect.Effect<void, ForgeWriteError>
  /** Returns the pull request's number. Adopts an open pull request of the token's user from the same head to the same base. */
  readonly openPr: (pr: OpenPr) => Effect.Effect<number, ForgeWriteError>
  /**
   * Returns the key's ID. It is registered only once, even when the response is lost. A title or key that is taken fails with
   * `Invalid`.
   */
  readonly createDeployKey: (key: Omit<DeployKey, "id">) => Effect.Effect<number, ForgeRequestError>
  /** Succeeds when there is no key with that ID. */
  readonly deleteDeployKey: (id: number) => Effect.Effect<void, ForgeRequestError>
}

/** A forge, for one repository. */
export interface ForgeApi extends ForgeReads, ForgeWrites {}

/** Forge can read the issues, pull requests and comments of one repository, and write to them. */
export class Forge extends Context.Tag("bot-bottle/Forge")<Forge, ForgeApi>() {}

/** The buffer budget for response texts of a forge. */
export interface AnswerRoomShape {
  /** Reads a text once there is room for it. `bytes` is its length, when that is known in advance. */
  readonly within: <E, R>(
    read: Effect.Effect<string, E, R>,
    bytes: number | undefined,
  ) => Effect.Effect<string, E, R>
}

/** An adapter reads every response of its forge through this. Without limit unless provided. */
export class AnswerRoom extends Context.Reference<AnswerRoom>()("bot-bottle/AnswerRoom", {
  defaultValue: (): AnswerRoomShape => ({ within: (read) => read }),
}) {}

/**
 * The writes of a forge limited to a scope: any other write fails with `ForgeScopeError`. Keys reach past every scope, so none are
 * added or removed. Each write is listed by name and nothing is copied: a write that is added to `ForgeWrites` does not compile until
 * its scope is decided here.
 */
export const scopedWrites = (forge: ForgeWrites, scope: WriteScope): ForgeWrites => {
  const guard = <A>(
    number: number,
    write: Effect.Effect<A, ForgeWriteError>,
  ): Effect.Effect<A, ForgeWriteError> =>
    Effect.suspend(() => {
      const refusal = scope.refusal(number)
      return refusal === undefined ? write : Effect.fail(refusal)
    })
  return {
    postComment: (number, body) => guard(number, forge.postComment(number, body)),
    updateDescription: (number, body) => guard(number, forge.updateDescription(number, body)),
    openPr: (pr) => forge.openPr(pr),
    createDeployKey: () => Effect.fail(keyless("createDeployKey")),
    deleteDeployKey: () => Effect.fail(keyless("deleteDeployKey")),
  }
}

/** The same forge with its writes limited to a scope, as in `scopedWrites`. Reads pass. */
export const scoped = (forge: ForgeApi, scope: WriteScope): ForgeApi => ({
  ...readsOf(forge),
  ...scopedWrites(forge, scope),
})

/** Only the reads of a forge. They are listed by name, so that other properties of the object are no way around a scope. */
export const readsOf = (forge: ForgeReads): ForgeReads => ({
  repository: forge.repository,
  self: forge.self,
  ...(forge.now !== undefined && { now: forge.now }),
  repositoryId: forge.repositoryId,
  isGuardedBranch: forge.isGuardedBranch,
  readIssue: forge.readIssue,
  readPr: forge.readPr,
  readComments: forge.readComments,
  readPrDetails: forge.readPrDetails,
  readReviews: forge.readReviews,
  readChecks: forge.readChecks,
  listIssues: forge.listIssues,
  listAttachments: forge.listAttachments,
  readAttachment: forge.readAttachment,
  dependencies: forge.dependencies,
  timeline: forge.timeline,
  isOrgMember: forge.isOrgMember,
  canWrite: forge.canWrite,
  getPrForIssue: forge.getPrForIssue,
  isPrOpen: forge.isPrOpen,
  openPrs: forge.openPrs,
  targetedIssues: forge.targetedIssues,
  listDeployKeys: forge.listDeployKeys,
})

const keyless = (operation: string) =>
  new ForgeRequestError({
    operation,
    status: 403,
    reason: "Forbidden",
    detail: "deploy keys are out of every scope of a run",
  })
