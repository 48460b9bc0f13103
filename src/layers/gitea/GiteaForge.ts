/** GiteaForge accesses one repository on a Gitea over its REST API. */
import { Effect, Layer, Option, Ref, Stream } from "effect"
import type { ForgeConfigInvalid, ForgeRequestError } from "../../domain/Errors.ts"
import { DEFAULT_FORGE_ORG } from "../../domain/Assignment.ts"
import { AGENT_LABEL } from "../../domain/Targeting.ts"
import { Forge, type ForgeApi } from "../../services/Forge.ts"
import type { ForgeKind } from "../../services/Forges.ts"
import { SelfAnswer, toComment } from "./answers.ts"
import { makeAttachments } from "./attachments.ts"
import { changesOf } from "./changes.ts"
import { readFile } from "./contents.ts"
import { makeDetails } from "./details.ts"
import { type GiteaForgeConfig, giteaForgeConfig, giteaVariables, webUrl } from "./GiteaForgeConfig.ts"
import { makeGiteaHttp } from "./http.ts"
import { makeHooks } from "./hooks.ts"
import { makeKeys } from "./keys.ts"
import { keysFor, type Known, makeKnown, nothingKnown } from "./known.ts"
import { makeMembership } from "./membership.ts"
import { react } from "./react.ts"
import { makeReads } from "./reads.ts"
import { makeWrites } from "./writes.ts"

export type { GiteaForgeConfig } from "./GiteaForgeConfig.ts"

/** The forge of that repository. Sends no request until a method is used; needs no scope and keeps no process alive. */
export const make = (config: GiteaForgeConfig): Effect.Effect<ForgeApi> => forgeOver(config, nothingKnown)

const forgeOver = Effect.fn("GiteaForge.make")(function* (config: GiteaForgeConfig, known: Known) {
  const http = yield* makeGiteaHttp(config)
  const self: ForgeApi["self"] = yield* remembered(
    known.self(
      keysFor(config)(),
      http.read({ operation: "self", subject: "the token's user", path: "user" }, SelfAnswer),
    ),
  )
  const reads = makeReads(http, config)
  const repositoryId = yield* remembered(Effect.map(reads.repo("repositoryId"), (repo) => repo.id))
  const writes = makeWrites(reads, self)
  const keys = makeKeys(reads, config)
  const membership = yield* makeMembership(reads, config, self, known)

  const readComments = Effect.fn("Forge.readComments")(function* (number: number) {
    const { comments } = yield* reads.comments("readComments", number)
    const trusted = yield* membership.trusted(comments.map((comment) => comment.user))
    return comments.map((comment) => toComment(comment, trusted.has(comment.user.id)))
  })

  const forge: ForgeApi = {
    repository: { owner: config.owner, repo: config.repo },
    self,
    now: http.now,
    repositoryId,
    isGuardedBranch: reads.isGuardedBranch,
    readIssue: reads.readIssue,
    readPr: reads.readPr,
    readPrDetails: reads.readPrDetails,
    readComments,
    ...makeDetails(reads, membership),
    ...makeAttachments(reads, membership),
    postComment: writes.postComment,
    updateDescription: writes.updateDescription,
    openPr: writes.openPr,
    isOrgMember: membership.isOrgMember,
    canWrite: membership.canWrite,
    getPrForIssue: reads.getPrForIssue,
    isPrOpen: reads.isPrOpen,
    openPrs: reads.openPrs,
    listIssues: reads.listIssues,
    targetedIssues: (since) =>
      reads.targetedIssues(since, (labels) => labels.some((label) => label.startsWith(AGENT_LABEL))),
    ...keys,
  }
  return forge
})

/** HTTP options for every Gitea in a process. */
export type GiteaOptions = Pick<GiteaForgeConfig, "requestTimeout" | "answerBytesMax">

/** Gitea as a kind of forge, for `Forges.layer`, with these options. Forges with `recently` share what they know. */
export const kindWith = (options: GiteaOptions): ForgeKind => kindOver(options, makeKnown())

const kindOver = (options: GiteaOptions, known: Known): ForgeKind => ({
  make: ({ apiUrl, token, owner, repo }, trust) => {
    const { org = DEFAULT_FORGE_ORG, bots, trustOrg, unanswered = "no", recently = false } = trust
    return forgeOver(
      { ...options, apiUrl, token, owner, repo, org, bots, trustOrg, unanswered },
      recently ? known : nothingKnown,
    )
  },
  webUrl,
  changedSince: (access, since) =>
    Stream.unwrap(Effect.map(makeGiteaHttp({ ...options, ...access }), (http) => changesOf(http, since))),
  react: (target, to, content) =>
    Effect.flatMap(makeGiteaHttp({ ...options, ...target }), (http) => react(http, target, to, content)),
  readFile: (target, path, ref) =>
    Effect.flatMap(makeGiteaHttp({ ...options, ...target }), (http) => readFile(http, target, path, ref)),
  hooks: (access) => Effect.map(makeGiteaHttp({ ...options, ...access }), makeHooks),
  variables: giteaVariables,
})

/** Gitea as a kind of forge, for `Forges.layer`. */
export const kind: ForgeKind = kindWith({})

/** The forge of that repository. */
export const layer = (config: GiteaForgeConfig): Layer.Layer<Forge> => Layer.effect(Forge, make(config))

/** The forge that the FORGE_* variables name. */
export const layerConfig: Layer.Layer<Forge, ForgeConfigInvalid> = Layer.effect(
  Forge,
  Effect.flatMap(giteaForgeConfig, make),
)

/** Repeated until it succeeds and then cached: neither the token's user nor the repository's ID ever changes. */
const remembered = <A>(
  ask: Effect.Effect<A, ForgeRequestError>,
): Effect.Effect<Effect.Effect<A, ForgeRequestError>> =>
  Effect.map(Ref.make(Option.none<A>()), (known) =>
    Effect.flatMap(
      Ref.get(known),
      Option.match({
        onNone: () => Effect.tap(ask, (answer) => Ref.set(known, Option.some(answer))),
        onSome: Effect.succeed,
      }),
    ),
  )
