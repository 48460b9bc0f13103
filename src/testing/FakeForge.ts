/** FakeForge is a Forge in memory, for tests of programs: it records writes and fails on demand. */
import { Effect, Encoding, Layer, Option, Stream } from "effect"
import { ForgeRequestError } from "../domain/Errors.ts"
import { reasonOfStatus } from "../domain/ForgeReason.ts"
import type { Issue, PullRequest } from "../domain/Forge.ts"
import type { ForgeChanges } from "../domain/ForgeChanges.ts"
import { AGENT_LABEL } from "../domain/Targeting.ts"
import { Forge, type ForgeApi, type ForgeSelf, type OpenPr } from "../services/Forge.ts"
import * as LiveForges from "../layers/forges.ts"
import { kind } from "../layers/gitea/GiteaForge.ts"
import type { Forges } from "../services/Forges.ts"
import * as actions from "../simulator/actions.ts"
import type { SeedOrg, SeedRepo } from "../simulator/seed.ts"
import { fold, GiteaState, mayWrite, type SimIssue, type SimPull, type SimRepo } from "../simulator/state.ts"
import {
  attachmentsOf,
  checksOf,
  dependenciesOf,
  issuesOf,
  prDetails,
  reviewsOf,
  timelineOf,
  type Viewer,
} from "./fakeDetails.ts"

/** The initial content of the forge. Users that are named anywhere are created. */
export interface FakeForgeSeed extends Omit<SeedRepo, "owner" | "name"> {
  /** `acme` unless given. */
  readonly owner?: string
  /** `tool` unless given. */
  readonly repo?: string
  /** Login of the token's user; `bot` unless given. */
  readonly self?: string
  readonly orgs?: ReadonlyArray<SeedOrg>
  /** The organisation of the bots, whose members are never trusted. */
  readonly org?: string
  /** The organisation whose members are trusted; the owner unless given. */
  readonly trustOrg?: string
  /** Its clock, in milliseconds; the machine's unless given. */
  readonly now?: () => number
}

/** A recorded write. */
export type ForgeWrite =
  | { readonly method: "postComment"; readonly number: number; readonly body: string; readonly id: number }
  | { readonly method: "updateDescription"; readonly number: number; readonly body: string }
  | ({ readonly method: "openPr"; readonly number: number } & OpenPr)

/** A forge in memory. */
export interface FakeForge {
  readonly forge: ForgeApi
  /** As `Forges.changedSince`, over all repositories of `state`. */
  readonly changedSince: (since: number | undefined) => Stream.Stream<ForgeChanges, ForgeRequestError>
  /** In order. An unchanged description and an adopted pull request are not writes. */
  readonly writes: ReadonlyArray<ForgeWrite>
  /** May be read and changed; the repository is `repo`. */
  readonly state: GiteaState
  readonly repo: SimRepo
  /** Makes the next call of that method fail before it does anything. */
  readonly failNext: (method: FallibleMethod, status: number, reason?: string) => void
}

/** Methods that can be made to fail. */
export type FallibleMethod = Exclude<keyof ForgeApi, "repository" | "targetedIssues"> | "changedSince"

/** A forge in memory, from a seed. */
export const make = (seed: FakeForgeSeed = {}): Effect.Effect<FakeForge> => Effect.sync(() => build(seed))

/** A forge in memory as the Forge service; use `make` to read its writes. */
export const layer = (seed: FakeForgeSeed = {}): Layer.Layer<Forge> =>
  Layer.effect(
    Forge,
    Effect.map(make(seed), (fake) => fake.forge),
  )

/** The same forge for every target, as the Forges service. It reads FORGE_* values as Gitea's does, and never uses their address. */
export const forges = ({
  forge,
  changedSince,
}: Pick<FakeForge, "forge" | "changedSince">): Layer.Layer<Forges> =>
  LiveForges.layer({
    // Neither webhooks nor reactions, because there is no server.
    gitea: {
      webUrl: kind.webUrl,
      ...(kind.variables !== undefined && { variables: kind.variables }),
      make: () => Effect.succeed(forge),
      changedSince: (_, since) => changedSince(since),
    },
  })

const build = (seed: FakeForgeSeed): FakeForge => {
  const {
    owner = "acme",
    repo: name = "tool",
    self: login = "bot",
    orgs = [],
    org,
    trustOrg,
    now,
    ...rest
  } = seed
  const state = new GiteaState({ orgs, users: [{ login }], ...(now !== undefined && { now }) })
  const repo = state.addRepo({ ...rest, owner, name })
  actions.readSeededTexts(state)
  const self = state.ensureUser(login)
  const bot: ForgeSelf = { login, id: self.id }
  const writes: Array<ForgeWrite> = []
  const failures: Array<{
    readonly method: FallibleMethod
    readonly status: number
    readonly reason: string
  }> = []

  /** Runs a method, or fails first if that was requested. */
  const as = <A>(
    method: FallibleMethod,
    run: () => A | ForgeRequestError,
  ): Effect.Effect<A, ForgeRequestError> =>
    Effect.suspend(() => {
      const at = failures.findIndex((failure) => failure.method === method)
      const [ordered] = at < 0 ? [] : failures.splice(at, 1)
      if (ordered !== undefined) return refuse(method, ordered.status, ordered.reason)
      const result = run()
      return result instanceof ForgeRequestError ? Effect.fail(result) : Effect.succeed(result)
    })

  /** Finds the issue or pull request with that number. */
  const on = <A>(method: FallibleMethod, number: number, run: (issue: SimIssue) => A | ForgeRequestError) =>
    as(method, () => {
      const issue = repo.issues.get(number)
      return issue === undefined ? error(method, 404, `#${number} does not exist`) : run(issue)
    })

  const author = (id: number) => state.userById(id)?.login ?? ""

  const isMember = (orgName: string, user: string): boolean | ForgeRequestError => {
    const asked = state.org(orgName)
    if (asked?.members.has(fold(user))) return asked.members.has(fold(login)) || undecided()
    return asked?.members.has(fold(login)) || fold(user) === fold(login) ? false : undecided()
  }

  const isTrusted = (id: number): boolean => {
    const user = author(id)
    if (user === "" || id === bot.id || (org !== undefined && isMember(org, user) !== false)) return false
    return isMember(trustOrg ?? owner, user) === true || canWrite(user) === true
  }

  /** In an organisation's repository only its administrators may ask. */
  const canWrite = (user: string): boolean | ForgeRequestError => {
    const own = state.permission(repo, self)
    const isSelf = fold(user) === fold(login)
    if (!isSelf && own !== "admin" && own !== "owner" && state.org(repo.owner) !== undefined)
      return error("canWrite", 403, "the token's user may not ask for permissions")
    const asked = state.user(user)
    return asked !== undefined && mayWrite(state.permission(repo, asked))
  }

  const viewer: Viewer = { state, self, isTrusted }

  const toIssue = (issue: SimIssue): Issue => ({
    number: issue.number,
    title: issue.title,
    body: issue.body,
    state: issue.state,
    author: author(issue.authorId),
    authorId: issue.authorId,
    labels: [...issue.labels],
    assignees: [...issue.assignees],
  })

  const toPr = (issue: SimIssue): PullRequest | undefined =>
    issue.pull && {
      ...toIssue(issue),
      merged: issue.pull.mergedAt !== undefined,
      head: issue.pull.head,
      base: issue.pull.base,
      headRepoId: issue.pull.headRepoId,
      draft: issue.title.startsWith("WIP:"),
    }

  const onPr = <A>(
    method: FallibleMethod,
    number: number,
    run: (pr: PullRequest, issue: SimIssue, pull: SimPull) => A,
  ) =>
    on(method, number, (issue): A | ForgeRequestError => {
      const pr = toPr(issue)
      return pr === undefined || issue.pull === undefined
        ? error(method, 404, `#${number} is an issue, not a pull request: read it as one`)
        : run(pr, issue, issue.pull)
    })

  const openPr = (pr: OpenPr): number | ForgeRequestError => {
    const base = pr.base ?? repo.defaultBranch
    if (pr.head === base) return error("openPr", 422, "head and base must be two different branches")
    if (!repo.branches.has(pr.head) || !repo.branches.has(base)) {
      return error(
        "openPr",
        404,
        `the forge has no branch ${pr.head} or no branch ${base}: push the branch first, and name a base that exists`,
      )
    }
    const open = [...repo.issues.values()].find(
      ({ state, pull }) =>
        state === "open" && pull?.head === pr.head && pull.base === base && pull.headRepoId === repo.id,
    )
    if (open !== undefined) {
      return open.authorId === bot.id
        ? open.number
        : error("openPr", 409, "there is one, and it is another's")
    }
    const { number } = actions.openPull(state, repo, { ...pr, base, author: login })
    writes.push({ method: "openPr", number, ...pr })
    return number
  }

  const forge: ForgeApi = {
    repository: { owner, repo: name },
    self: as("self", () => bot),
    ...(now !== undefined && { now: Effect.sync(now) }),
    repositoryId: as("repositoryId", () => repo.id),
    isGuardedBranch: (branch) =>
      as("isGuardedBranch", () =>
        repo.branches.has(branch)
          ? branch === repo.defaultBranch || repo.protectedBranches.has(branch)
          : error("isGuardedBranch", 404, `the branch ${branch} does not exist`),
      ),
    readIssue: (number) =>
      on("readIssue", number, (issue) =>
        issue.pull === undefined
          ? toIssue(issue)
          : error("readIssue", 404, `#${number} is a pull request, not an issue: read it as one`),
      ),
    readPr: (number) => onPr("readPr", number, (pr) => pr),
    readPrDetails: (number) =>
      onPr("readPrDetails", number, (pr, issue, pull) => prDetails(viewer, issue, pull, pr)),
    readReviews: (number) => onPr("readReviews", number, (_, __, pull) => reviewsOf(viewer, pull)),
    readChecks: (number) => onPr("readChecks", number, (_, issue, pull) => checksOf(viewer, issue, pull)),
    listIssues: (query) => as("listIssues", () => issuesOf(repo, toIssue, query)),
    listAttachments: (number) =>
      on("listAttachments", number, (issue) =>
        attachmentsOf(viewer, issue).map(({ attachment }) => attachment),
      ),
    readAttachment: (number, id) =>
      on("readAttachment", number, (issue) => {
        const found = attachmentsOf(viewer, issue).find(({ attachment }) => attachment.id === id)
        return found === undefined
          ? error("readAttachment", 404, `#${number} has no attachment ${id}: list_attachments lists them`)
          : { ...found.attachment, data: Encoding.encodeBase64(found.content) }
      }),
    dependencies: (number) => on("dependencies", number, (issue) => dependenciesOf(viewer, issue)),
    timeline: (number) => on("timeline", number, (issue) => timelineOf(viewer, issue)),
    readComments: (number) =>
      on("readComments", number, (issue) =>
        issue.comments.map((comment) => ({
          id: comment.id,
          user: author(comment.authorId),
          body: comment.body,
          createdAt: comment.createdAt,
          updatedAt: comment.updatedAt,
          authorTrusted: isTrusted(comment.authorId),
        })),
      ),
    postComment: (number, body) =>
      on("postComment", number, (issue) => {
        const { id } = actions.comment(state, issue, bot.id, body)
        writes.push({ method: "postComment", number, body, id })
        return id
      }),
    updateDescription: (number, body) =>
      on("updateDescription", number, (issue) => {
        if (issue.body === body) return
        actions.editBody(state, issue, bot.id, body)
        writes.push({ method: "updateDescription", number, body })
      }),
    openPr: (pr) => as("openPr", () => openPr(pr)),
    isOrgMember: (asked, user) => as("isOrgMember", () => isMember(asked, user)),
    canWrite: (user) => as("canWrite", () => canWrite(user)),
    getPrForIssue: (number) =>
      on("getPrForIssue", number, (issue) => {
        if (issue.pull !== undefined) return Option.some(number)
        const closing = issue.references
          .filter(({ action, from }) => action === "closes" && from.pull !== undefined && from.repo === repo)
          .map(({ from }) => from)
          .sort((a, b) => Number(a.state === "closed") - Number(b.state === "closed") || b.number - a.number)
        return Option.map(Option.fromNullable(closing[0]), (pull) => pull.number)
      }),
    isPrOpen: (number) => onPr("isPrOpen", number, (pr) => pr.state === "open"),
    openPrs: as("openPrs", () =>
      [...repo.issues.values()].filter(({ state }) => state === "open").flatMap((issue) => toPr(issue) ?? []),
    ),
    targetedIssues: (since) =>
      Stream.suspend(() =>
        Stream.fromIterable(
          [...repo.issues.values()]
            .filter(
              (issue) =>
                issue.pull === undefined &&
                issue.state === "open" &&
                issue.labels.some((label) => label.startsWith(AGENT_LABEL)) &&
                (since === "" || Date.parse(issue.updatedAt) >= Date.parse(since)),
            )
            .map(toIssue),
        ),
      ),
    listDeployKeys: as("listDeployKeys", () =>
      repo.keys.map(({ id, title, content, readOnly }) => ({ id, title, publicKey: content, readOnly })),
    ),
    createDeployKey: ({ title, publicKey, readOnly }) =>
      as("createDeployKey", () => {
        const made = actions.addKey(state, repo, { title, key: publicKey, readOnly })
        return typeof made === "string" ? error("createDeployKey", 422, made) : made.id
      }),
    deleteDeployKey: (id) =>
      as("deleteDeployKey", () => {
        const at = repo.keys.findIndex((key) => key.id === id)
        if (at >= 0) repo.keys.splice(at, 1)
      }),
  }
  const changes = (since: number | undefined): ForgeChanges => ({
    forgeTime: wholeSeconds(state.millis()),
    changes: state.repos
      .filter((it) => state.permission(it, state.userById(bot.id)) !== "none")
      .flatMap((it) =>
        [...it.issues.values()].map((issue) => ({
          owner: it.owner,
          repo: it.name,
          number: issue.number,
          isPull: issue.pull !== undefined,
          state: issue.state,
          labels: [...issue.labels],
          updatedAt: Date.parse(issue.updatedAt),
        })),
      )
      .filter((issue) =>
        since === undefined ? issue.state === "open" : issue.updatedAt >= wholeSeconds(since),
      ),
  })

  return {
    forge,
    changedSince: (since) => Stream.fromEffect(as("changedSince", () => changes(since))),
    writes,
    state,
    repo,
    failNext: (method, status, reason = "it was told to fail") => failures.push({ method, status, reason }),
  }
}

const wholeSeconds = (millis: number): number => Math.floor(millis / 1000) * 1000

const error = (operation: string, status: number, text: string): ForgeRequestError =>
  new ForgeRequestError({ operation, status, reason: reasonOfStatus(status), detail: text, shown: text })

const refuse = (operation: string, status: number, text: string) =>
  Effect.fail(error(operation, status, text))

const undecided = (): ForgeRequestError =>
  error("isOrgMember", 303, "the membership cannot be decided: make the bot a member of that org")
