/** Forge can read issues, PRs and comments of one repository, and write to them; `scoped` limits where. */
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

/** What a PR is opened with; `base` is the repository's default branch unless given. Branch names, no `refs/heads/`. */
export interface OpenPr {
  readonly title: string
  readonly body: string
  readonly head: string
  readonly base?: string
}

/** A write may also be refused by a scope. */
export type ForgeWriteError = ForgeRequestError | ForgeScopeError

/** What can be read of a forge, seen from one repository. Every read of an issue's number as a PR, or the reverse, fails with `NotFound`. */
export interface ForgeReads {
  readonly repository: { readonly owner: string; readonly repo: string }
  readonly self: Effect.Effect<ForgeSelf, ForgeRequestError>
  /** Numeric id of the repository: a PR whose `headRepoId` is another comes from a fork. */
  readonly repositoryId: Effect.Effect<number, ForgeRequestError>
  /** Whether a branch is the default one or one that the forge protects. Fails with `NotFound` for one that is not there. */
  readonly isGuardedBranch: (branch: string) => Effect.Effect<boolean, ForgeRequestError>
  readonly readIssue: (number: number) => Effect.Effect<Issue, ForgeRequestError>
  readonly readPr: (number: number) => Effect.Effect<PullRequest, ForgeRequestError>
  /** Oldest first. `authorTrusted` is asked once for each author and false when it cannot be decided. */
  readonly readComments: (number: number) => Effect.Effect<ReadonlyArray<Comment>, ForgeRequestError>
  readonly readPrDetails: (number: number) => Effect.Effect<PullRequestDetails, ForgeRequestError>
  /** Those of a PR that were submitted, oldest first, each with its comments on lines. Requests for a review are left out. */
  readonly readReviews: (number: number) => Effect.Effect<ReadonlyArray<Review>, ForgeRequestError>
  /** Checks of a PR's head, the newest word of each. */
  readonly readChecks: (number: number) => Effect.Effect<Checks, ForgeRequestError>
  /** Issues of the repository and no PRs, one page of at most 50. */
  readonly listIssues: (query: IssueQuery) => Effect.Effect<IssuePage, ForgeRequestError>
  /** Files that hang on an issue or a PR and on its comments: those of its description first, then by comment. */
  readonly listAttachments: (number: number) => Effect.Effect<ReadonlyArray<Attachment>, ForgeRequestError>
  /**
   * One of them, by the address that the forge itself has for it. Fails with `NotFound` for an id that does not hang on that number,
   * and with `Malformed` for a file that is too large; a redirect is `Moved`, and is not followed.
   */
  readonly readAttachment: (number: number, id: number) => Effect.Effect<AttachmentContent, ForgeRequestError>
  /** What an issue waits for; a forge that knows no dependencies has none. */
  readonly dependencies: (number: number) => Effect.Effect<Dependencies, ForgeRequestError>
  /** Who labelled, assigned, closed, ... an issue or a PR, oldest first. */
  readonly timeline: (number: number) => Effect.Effect<ReadonlyArray<TimelineEntry>, ForgeRequestError>
  /** Fails with `Undecidable` when it cannot be decided: the token's user must be a member of the org to ask. */
  readonly isOrgMember: (org: string, user: string) => Effect.Effect<boolean, ForgeRequestError>
  /** Fails with `Forbidden` when it cannot be decided: the token's user may not ask for the permissions of others. */
  readonly canWrite: (user: string) => Effect.Effect<boolean, ForgeRequestError>
  /** Of a PR's own number: that. Of an issue: the PR linked to it, open before closed, newest first; else none. */
  readonly getPrForIssue: (number: number) => Effect.Effect<Option.Option<number>, ForgeRequestError>
  readonly isPrOpen: (number: number) => Effect.Effect<boolean, ForgeRequestError>
  /** All open PRs, whoever opened them; `head` is the name of the branch, also of one that is gone. */
  readonly openPrs: Effect.Effect<ReadonlyArray<PullRequest>, ForgeRequestError>
  /** Open issues with a `bot-bottle:` label that were updated since (ISO 8601; all when `""`). */
  readonly targetedIssues: (since: string) => Stream.Stream<Issue, ForgeRequestError>
  /** All deploy keys of the repository; takes an administrator of it, as making and removing them does. */
  readonly listDeployKeys: Effect.Effect<ReadonlyArray<DeployKey>, ForgeRequestError>
}

/** What can be changed at a forge: all of it, so that {@link scoped} limits all of it. */
export interface ForgeWrites {
  /** The comment's id. The body is sent unchanged, and once, even when the answer is lost. */
  readonly postComment: (number: number, body: string) => Effect.Effect<number, ForgeWriteError>
  readonly updateDescription: (number: number, body: string) => Effect.Effect<void, ForgeWriteError>
  /** The PR's number; an open PR from the same head to the same base is adopted when it is the token user's own. */
  readonly openPr: (pr: OpenPr) => Effect.Effect<number, ForgeWriteError>
  /** The key's id. It is registered once, even when the answer is lost; a title or a key that is taken is `Invalid`. */
  readonly createDeployKey: (key: Omit<DeployKey, "id">) => Effect.Effect<number, ForgeRequestError>
  /** Ok when there is none of that id. */
  readonly deleteDeployKey: (id: number) => Effect.Effect<void, ForgeRequestError>
}

/** A forge, seen from one repository. */
export interface ForgeApi extends ForgeReads, ForgeWrites {}

/** Forge can read issues, PRs and comments of one repository, and write to them. */
export class Forge extends Context.Tag("bot-bottle/Forge")<Forge, ForgeApi>() {}

/** Where the text of a forge's answer may be held. */
export interface AnswerRoomShape {
  /** Reads a text when there is room for it; `bytes` is its length, where that is known before. */
  readonly within: <E, R>(
    read: Effect.Effect<string, E, R>,
    bytes: number | undefined,
  ) => Effect.Effect<string, E, R>
}

/** An adapter reads each answer of its forge within this; without limit unless provided. */
export class AnswerRoom extends Context.Reference<AnswerRoom>()("bot-bottle/AnswerRoom", {
  defaultValue: (): AnswerRoomShape => ({ within: (read) => read }),
}) {}

/**
 * The writes of a forge limited to a scope: a write elsewhere fails with `ForgeScopeError`. Keys would reach past every
 * scope: none are made or removed. Each write is named here, and nothing is copied: one that is added to `ForgeWrites`
 * does not compile until somebody has decided what a scope does to it.
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

/** The same forge with its writes limited to a scope, as `scopedWrites` does; reads pass. */
export const scoped = (forge: ForgeApi, scope: WriteScope): ForgeApi => ({
  ...readsOf(forge),
  ...scopedWrites(forge, scope),
})

/** The reads of a forge alone; by name, so that what else an object has is no way around a scope. */
export const readsOf = (forge: ForgeReads): ForgeReads => ({
  repository: forge.repository,
  self: forge.self,
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
