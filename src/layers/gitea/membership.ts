/** Who may steer a run: memberships and permissions from Gitea, and the trust that follows from them. */
import { Cache, Effect, Exit, Option } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import { isOutage, reasonOfStatus } from "../../domain/ForgeReason.ts"
import type { ForgeSelf } from "../../services/Forge.ts"
import { page, PermissionAnswer, UserAnswer } from "./answers.ts"
import { type GiteaForgeConfig, isForgeName } from "./GiteaForgeConfig.ts"
import { decode } from "./http.ts"
import type { GiteaReads } from "./reads.ts"
import { refused } from "./reasons.ts"

/** Questions about people. */
export interface Membership {
  readonly isOrgMember: (org: string, user: string) => Effect.Effect<boolean, ForgeRequestError>
  readonly canWrite: (user: string) => Effect.Effect<boolean, ForgeRequestError>
  /**
   * The IDs of those people who are trusted; each is asked about once. Undecidable is no. Without a response it is no or a failure, as
   * configured.
   */
  readonly trusted: (
    authors: ReadonlyArray<UserAnswer>,
  ) => Effect.Effect<ReadonlySet<number>, ForgeRequestError>
}

/** How many authors are checked at once. */
const AUTHORS_AT_ONCE = 4

/** Asks a Gitea about people. */
export const makeMembership = Effect.fnUntraced(function* (
  reads: GiteaReads,
  config: GiteaForgeConfig,
  self: Effect.Effect<ForgeSelf, ForgeRequestError>,
) {
  const { http } = reads

  const memberStatus = (org: string, user: string) =>
    http.ask({ operation: "isOrgMember", subject: `the org ${org}`, path: `orgs/${org}/members/${user}` })

  const isOrgMember = Effect.fn("Forge.isOrgMember")(function* (org: string, user: string) {
    if (!isForgeName(org) || !isForgeName(user)) return false
    const { status } = yield* memberStatus(org, user)
    if (status === 204) return true
    if (status === 404) return yield* meantNo(org, user)
    return yield* memberRefusal(org, status)
  })

  /** Whether the bot is a member. A yes is cached for a minute, since every no about someone else asks for it. */
  const botStatus = yield* Cache.makeWith({
    capacity: 16,
    lookup: (org: string) => Effect.flatMap(self, ({ login }) => memberStatus(org, login)),
    timeToLive: (exit) => (Exit.isSuccess(exit) && exit.value.status === 204 ? "1 minute" : 0),
  })

  /** Since 1.27 an organisation that the asker cannot see returns 404 for everyone: a 404 only counts for members of the organisation. */
  const meantNo = Effect.fnUntraced(function* (org: string, user: string) {
    const bot = (yield* self).login
    if (sameName(bot, user)) return false
    const { status } = yield* botStatus.get(org)
    return status === 204 ? false : yield* memberRefusal(org, 303)
  })

  /**
   * Who may write, for a bot that may not read permissions: whoever can be assigned in a user's repository. In an organisation's
   * repository that list includes people who may only read, so it decides nothing. The owner is in the list exactly when it is a user,
   * since an organisation cannot be assigned.
   */
  const assignable = Effect.gen(function* () {
    const { owner } = yield* reads.repo("canWrite")
    const people = yield* http.read(
      {
        operation: "canWrite",
        subject: `who may be assigned in ${config.owner}/${config.repo}`,
        path: `${reads.repoPath}/assignees`,
      },
      page(UserAnswer),
    )
    return owner.id > 0 && people.some(({ id }) => id === owner.id)
      ? Option.some(people.filter(isPerson))
      : Option.none()
  })

  const mayWrite = Effect.fnUntraced(function* (user: string, writers: typeof assignable) {
    if (!isForgeName(user)) return false
    const call = {
      operation: "canWrite",
      subject: `the permissions on ${config.owner}/${config.repo}, which only its admins may ask for`,
      path: `${reads.repoPath}/collaborators/${user}/permission`,
    }
    const answer = yield* http.ask(call)
    if (answer.status === 404) {
      // There is no such user, unless the repository itself is not visible.
      yield* reads.repo("canWrite")
      return false
    }
    if (answer.status === 403) {
      const people = yield* writers
      return Option.isSome(people)
        ? people.value.some(({ login }) => sameName(login, user))
        : yield* refused(call, answer.status)
    }
    if (answer.status !== 200) return yield* refused(call, answer.status)
    const { permission } = yield* decode(call, answer, PermissionAnswer)
    return permission === "write" || permission === "admin" || permission === "owner"
  })

  const canWrite = Effect.fn("Forge.canWrite")((user: string) => mayWrite(user, assignable))

  /** The result when a question fails. */
  const or =
    <A>(otherwise: A) =>
    (question: Effect.Effect<A, ForgeRequestError>): Effect.Effect<A, ForgeRequestError> =>
      Effect.catchAll(question, (error) =>
        config.unanswered === "fails" && isOutage(error.reason)
          ? Effect.fail(error)
          : Effect.succeed(otherwise),
      )
  const orNo = or(false)

  const trusted = Effect.fnUntraced(function* (authors: ReadonlyArray<UserAnswer>) {
    const people = new Map(authors.filter(isPerson).map((author) => [author.id, author]))
    if (people.size === 0) return new Set<number>()
    const owner = (yield* reads.repo("readComments")).owner
    const bot = yield* self
    const writers = yield* Effect.cached(assignable)

    const isListed = ({ login }: UserAnswer) => config.bots?.some((name) => sameName(name, login)) === true

    const isTrusted = Effect.fnUntraced(
      function* (author: UserAnswer) {
        if (author.id === bot.id || isListed(author)) return false
        if (config.org !== undefined && (yield* isOrgMember(config.org, author.login))) return false
        // An organisation never writes: an author with the owner's ID is the owner, a user.
        if (author.id === owner.id) return true
        const member = isOrgMember(config.trustOrg ?? owner.login, author.login)
        return (yield* orNo(member)) || (yield* mayWrite(author.login, writers))
      },
      Effect.timeoutFail({ duration: http.limit, onTimeout: () => unanswered }),
      orNo,
    )

    const judged = yield* Effect.filter([...people.values()], isTrusted, { concurrency: AUTHORS_AT_ONCE })
    return new Set(judged.map((author) => author.id))
  })

  const membership: Membership = {
    isOrgMember,
    canWrite,
    trusted: (authors) => or(new Set<number>())(trusted(authors)),
  }
  return membership
})

const unanswered = new ForgeRequestError({
  operation: "trusted",
  status: 0,
  reason: "Unreachable",
  detail: "the forge does not say who is a member: check the forge and the network, then try again",
})

/** A redirect of a membership (303) decides nothing. Any other redirect means that a name was changed. */
const memberRefusal = (org: string, status: number): ForgeRequestError => {
  const call = { operation: "isOrgMember", subject: `the org ${org}` }
  return reasonOfStatus(status) === "Moved"
    ? new ForgeRequestError({
        operation: call.operation,
        status,
        reason: "Moved",
        detail: `the org ${org} or the user was renamed: set FORGE_ORG and FORGE_TRUST_ORG to the new names`,
      })
    : refused(call, status)
}

/** Deleted users and Gitea's own automation have negative IDs. */
const isPerson = (author: UserAnswer): boolean => author.id > 0 && author.login !== ""

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()
