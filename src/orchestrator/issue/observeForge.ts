/** observeForge: what the forge says about one issue. */
import { Clock, Effect, Option } from "effect"
import { createHash } from "node:crypto"
import { DEFAULT_FORGE_ORG } from "../../domain/Assignment.ts"
import type { ForgeRequestError } from "../../domain/Errors.ts"
import type { Issue } from "../../domain/Forge.ts"
import type { ObservedForge } from "../../domain/orchestrator/Observed.ts"
import { parseTarget } from "../../domain/Targeting.ts"
import type { ForgeApi } from "../../services/Forge.ts"
import { Forges } from "../../services/Forges.ts"
import type { ServedRepository } from "../ServedRepositories.ts"
import { observePr } from "./observePr.ts"
import { type Place, remarkOfComment, remarksOfReview } from "./remarks.ts"
import { closedBy, targetingOf } from "./targeting.ts"

/** What to read from the forge, and the login of the bot. */
export interface ForgeObservation {
  readonly forge: ObservedForge
  readonly botLogin: string
}

/**
 * Reads an issue, its pull requests and the remarks on them. `prs` are those that the bottle's runs opened. Fails when the forge does
 * not respond: a partial read is no observation.
 */
export const observeForge = Effect.fn("observeForge")(function* (
  served: ServedRepository,
  number: number,
  prs: ReadonlyArray<number>,
  editors: ReadonlyArray<string>,
) {
  const { org = DEFAULT_FORGE_ORG, target } = served
  // Someone who counted as untrusted only because the forge did not respond would not be checked again.
  const api = yield* (yield* Forges).of(target, { ...served, unanswered: "fails", recently: true })
  const login = yield* loginOf(api)
  const found = yield* readNumbered(api, number)
  // After a response, which carries the forge's clock.
  const at = yield* api.now ?? Clock.currentTimeMillis
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
  const others = (served.bots ?? []).filter((bot) => !isSame(bot, login))
  const assignees = issue.assignees.filter((user) => !others.some((bot) => isSame(bot, user)))
  const { botAssigned, bots } = yield* botsAmong(api, org, asked ? assignees : [])
  const isMeant = botAssigned !== "no"
  const own = [...new Set([...prs, ...(pull === undefined ? [] : [number])])]
  const places = asked || prs.length > 0 ? [...new Set([number, ...own])] : []
  const { timeline, dependencies, observedPrs, remarks } = yield* Effect.all(
    {
      timeline:
        isMeant || issue.state === "closed" ? ifTold(api.timeline(number)) : Effect.succeed(Option.none()),
      dependencies: isMeant ? dependenciesOf(api, number) : Effect.succeed("none" as const),
      observedPrs: Effect.forEach(own, (pr) => ifThere(observePr(api, pr, served.life, login))),
      remarks: Effect.forEach(places, (on) =>
        readRemarks(api, { on, login, bots: served.bots ?? [] }, own.includes(on)),
      ),
    },
    { concurrency: "unbounded" },
  )
  const closer = Option.getOrUndefined(Option.map(timeline, (entries) => closedBy(entries, login)))
  return {
    botLogin: login,
    forge: {
      ...none,
      issue,
      ...(pull !== undefined && { pull }),
      ...(issue.state === "closed" && closer !== undefined && { closedBy: closer }),
      ...(isMeant &&
        Option.isSome(timeline) && { targeting: targetingOf(issue, bots, timeline.value, login) }),
      botAssigned,
      dependencies,
      digest: digestOf(issue),
      prs: observedPrs.flatMap(Option.toArray),
      remarks: remarks.flat(),
    },
  } satisfies ForgeObservation
})

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** Digest of the issue's text that the agent is given. */
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

/** A number is an issue, a pull request, or nothing. Nothing is known when the repository is not visible. */
const readNumbered = Effect.fnUntraced(function* (api: ForgeApi, number: number) {
  const issue = yield* ifThere(api.readIssue(number))
  if (Option.isSome(issue)) return Option.some<Numbered>({ issue: issue.value })
  const pr = yield* ifThere(api.readPr(number))
  if (Option.isNone(pr)) return yield* Effect.as(api.repositoryId, Option.none<Numbered>())
  const fork = pr.value.headRepoId !== (yield* api.repositoryId)
  return Option.some<Numbered>({ issue: pr.value, pull: { fork } })
})

/** A forge may have no timeline, or not return it. */
const ifTold = <A>(read: Effect.Effect<A, ForgeRequestError>) =>
  read.pipe(
    Effect.asSome,
    Effect.catchIf(
      ({ reason }) => reason === "Undecidable",
      () => Effect.succeedNone,
    ),
  )

/** Any assignee that is a bot is enough, except another account of the operator's, which serves other repositories. An undecidable one only counts when no other is a bot. */
const botsAmong = Effect.fnUntraced(function* (api: ForgeApi, org: string, assignees: ReadonlyArray<string>) {
  const answers = yield* Effect.forEach(assignees, (user) =>
    api.isOrgMember(org, user).pipe(
      Effect.map((is) => ({ user, is: is ? ("yes" as const) : ("no" as const) })),
      Effect.catchIf(
        ({ reason }) => reason === "Undecidable",
        () => Effect.succeed({ user, is: "undecidable" as const }),
      ),
    ),
  )
  const has = (answer: ObservedForge["botAssigned"]) => answers.some(({ is }) => is === answer)
  const botAssigned: ObservedForge["botAssigned"] = has("yes")
    ? "yes"
    : has("undecidable")
      ? "undecidable"
      : "no"
  return { botAssigned, bots: answers.filter(({ is }) => is === "yes").map(({ user }) => user) }
})

/** Dependencies that cannot be read, or are not shown, may be open. */
const dependenciesOf = (api: ForgeApi, number: number) =>
  api.dependencies(number).pipe(
    Effect.map(({ open, hidden }): ObservedForge["dependencies"] =>
      open.length > 0 ? "open" : hidden ? "undecidable" : "none",
    ),
    Effect.catchIf(
      ({ reason }) => reason === "Undecidable" || reason === "Forbidden",
      () => Effect.succeed("undecidable" as const),
    ),
  )

const readRemarks = Effect.fnUntraced(function* (api: ForgeApi, place: Place, isPull: boolean) {
  const comments = yield* orNone(api.readComments(place.on))
  const reviews = isPull ? yield* orNone(api.readReviews(place.on)) : []
  return [
    ...comments.map((comment) => remarkOfComment(comment, place)),
    ...reviews.flatMap((review) => remarksOfReview(review, place)),
  ]
})

const orNone = <A>(read: Effect.Effect<ReadonlyArray<A>, ForgeRequestError>) =>
  Effect.map(ifThere(read), (found) => Option.getOrElse(found, (): ReadonlyArray<A> => []))
