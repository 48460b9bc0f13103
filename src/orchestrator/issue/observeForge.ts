/** observeForge: the forge as far as it concerns one issue. */
import { Clock, Effect, Option } from "effect"
import { createHash } from "node:crypto"
import { DEFAULT_FORGE_ORG } from "../../domain/Assignment.ts"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import type { Comment, Issue } from "../../domain/Forge.ts"
import type { Actor, ObservedForge, ObservedPr, Remark } from "../../domain/orchestrator/Observed.ts"
import { parseTarget } from "../../domain/Targeting.ts"
import type { ForgeApi } from "../../services/Forge.ts"
import { Forges } from "../../services/Forges.ts"
import { ExtraFacts, type ForgeFacts } from "../ExtraFacts.ts"
import type { ServedRepository } from "../ServedRepositories.ts"

/** What is read of the forge, and the login of the bot. */
export interface ForgeObservation {
  readonly forge: ObservedForge
  readonly botLogin: string
}

/**
 * Reads an issue, its pull requests and what was said on them. `prs` are those that the bottle's runs opened. Fails
 * when the forge does not answer: that is no observation.
 */
export const observeForge = Effect.fn("observeForge")(function* (
  served: ServedRepository,
  number: number,
  prs: ReadonlyArray<number>,
  editors: ReadonlyArray<string>,
) {
  const { org = DEFAULT_FORGE_ORG, target } = served
  const api = yield* (yield* Forges).of(target, served)
  const facts = (yield* ExtraFacts).forge?.(target) ?? {}
  const login = yield* loginOf(api)
  const at = yield* facts.now ?? Clock.currentTimeMillis
  const found = yield* readNumbered(api, number)
  const none: ObservedForge = {
    at,
    botAssigned: "no",
    dependencies: "none",
    digest: "",
    editors,
    prs: [],
    remarks: [],
  }
  if (Option.isNone(found)) return { forge: none, botLogin: login } satisfies ForgeObservation
  const { issue, pull } = found.value
  const asked = parseTarget(issue)._tag === "Targeted"
  const [botAssigned, targeting, closedBy, dependencies] = yield* Effect.all([
    asked ? isBotAssigned(api, org, issue.assignees) : Effect.succeed("no" as const),
    asked ? (facts.targeting?.(number) ?? absent) : absent,
    issue.state === "closed" ? (facts.closedBy?.(number) ?? absent) : absent,
    asked
      ? (facts.dependencies?.(number) ?? Effect.succeed("none" as const))
      : Effect.succeed("none" as const),
  ])
  const own = [...new Set([...prs, ...(pull === undefined ? [] : [number])])]
  const observedPrs = yield* Effect.forEach(own, (pr) => readPr(api, facts, pr))
  const places = asked || prs.length > 0 ? [...new Set([number, ...own])] : []
  const remarks = yield* Effect.forEach(places, (on) => readRemarks(api, facts, on, login, own.includes(on)))
  return {
    botLogin: login,
    forge: {
      ...none,
      issue,
      ...(pull !== undefined && { pull }),
      ...(closedBy !== undefined && { closedBy }),
      ...(targeting !== undefined && { targeting }),
      botAssigned,
      dependencies,
      digest: digestOf(issue),
      prs: observedPrs.flatMap(Option.toArray),
      remarks: remarks.flat(),
    },
  } satisfies ForgeObservation
})

const absent = Effect.succeed(undefined)

/** Digest of what the agent is given of an issue. */
export const digestOf = ({ title, body }: Pick<Issue, "title" | "body">): string =>
  createHash("sha256")
    .update(JSON.stringify([title, body]))
    .digest("hex")

/** A token without the scope to read its own user can still do its work. */
const loginOf = (api: ForgeApi) =>
  api.self.pipe(
    Effect.map(({ login }) => login),
    Effect.catchIf(
      ({ reason }) => reason === "Forbidden",
      () => Effect.succeed(""),
    ),
  )

const ifThere = <A>(read: Effect.Effect<A, ForgeRequestError>) =>
  read.pipe(
    Effect.asSome,
    Effect.catchIf(
      ({ reason }) => reason === "NotFound",
      () => Effect.succeedNone,
    ),
  )

interface Numbered {
  readonly issue: Issue
  readonly pull?: { readonly fork: boolean }
}

/** A number is an issue, a pull request, or nothing. */
const readNumbered = Effect.fnUntraced(function* (api: ForgeApi, number: number) {
  const issue = yield* ifThere(api.readIssue(number))
  if (Option.isSome(issue)) return Option.some<Numbered>({ issue: issue.value })
  const pr = yield* ifThere(api.readPr(number))
  if (Option.isNone(pr)) return Option.none<Numbered>()
  const fork = pr.value.headRepoId !== (yield* api.repositoryId)
  return Option.some<Numbered>({ issue: pr.value, pull: { fork } })
})

/** Any assignee that is a bot will do; what cannot be decided of one counts only when no other is. */
const isBotAssigned = Effect.fnUntraced(function* (
  api: ForgeApi,
  org: string,
  assignees: ReadonlyArray<string>,
) {
  const answers = yield* Effect.forEach(assignees, (user) =>
    api.isOrgMember(org, user).pipe(
      Effect.map((is) => (is ? ("yes" as const) : ("no" as const))),
      Effect.catchIf(
        ({ reason }) => reason === "Undecidable",
        () => Effect.succeed("undecidable" as const),
      ),
    ),
  )
  return answers.includes("yes") ? "yes" : answers.includes("undecidable") ? "undecidable" : "no"
})

const readPr = Effect.fnUntraced(function* (api: ForgeApi, facts: ForgeFacts, number: number) {
  const read = yield* ifThere(api.readPr(number))
  if (Option.isNone(read)) return Option.none<ObservedPr>()
  const { state, merged, draft, head, base } = read.value
  const more = facts.pull === undefined ? {} : yield* facts.pull(number)
  return Option.some<ObservedPr>({
    number,
    state,
    merged,
    draft,
    head,
    base,
    headOfRun: false,
    mergeable: true,
    checks: "none",
    failedChecks: [],
    ...more,
  })
})

const readRemarks = Effect.fnUntraced(function* (
  api: ForgeApi,
  facts: ForgeFacts,
  on: number,
  login: string,
  isPull: boolean,
) {
  const comments = yield* Effect.map(ifThere(api.readComments(on)), (found) =>
    Option.getOrElse(found, (): ReadonlyArray<Comment> => []),
  )
  const reviews = isPull && facts.reviews !== undefined ? yield* facts.reviews(on) : []
  return [...comments.map((comment) => remarkOf(comment, on, login)), ...reviews]
})

const remarkOf = (
  { id, user, body, createdAt, authorTrusted }: Comment,
  on: number,
  login: string,
): Remark => {
  const at = Date.parse(createdAt)
  const author: Actor = {
    login: user,
    trusted: authorTrusted,
    bot: user.toLowerCase() === login.toLowerCase(),
  }
  return { kind: "comment", id, on, author, createdAt: at, updatedAt: at, body, lines: [] }
}
