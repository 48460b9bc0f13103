/**
 * A small orchestrator: it sweeps one repository, gives each targeted issue a bottle, freezes the bottle
 * when its agent has ended, and destroys it when the pull request is closed. FORGE_* says which repository;
 * FORGE_ISSUE_NUMBER is set here, for each issue. With `--once` it sweeps once and ends.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { destroy, Forge, ForgeStateStore, freeze, orchestrateStart, parseTarget } from "bot-bottle"
import type { Issue } from "bot-bottle"
import * as BotBottle from "bot-bottle/BotBottle"
import * as GiteaForge from "bot-bottle/GiteaForge"
import { Config, ConfigProvider, Effect, Layer, Option, Schedule, Stream } from "effect"

const forIssue = (number: number) =>
  Effect.withConfigProvider(
    ConfigProvider.orElse(ConfigProvider.fromMap(new Map([["FORGE_ISSUE_NUMBER", String(number)]])), () =>
      ConfigProvider.fromEnv(),
    ),
  )

/** Whether an assignee is one of the bots: asked of the forge, which must have our own bot in that org. */
const isForUs = Effect.fn("isForUs")(function* (issue: Issue) {
  const org = yield* Config.withDefault(Config.string("FORGE_ORG"), "bot-bottle")
  const forge = yield* Forge
  return yield* Effect.exists(issue.assignees, (user) => forge.isOrgMember(org, user))
})

const work = Effect.fn("work")(function* (issue: Issue) {
  const target = parseTarget(issue)
  if (target._tag === "NotTargeted") return yield* Effect.logInfo(`#${issue.number}: ${target.reason}`)
  if (!(yield* isForUs(issue))) return
  const slug = yield* orchestrateStart({
    agent: target.agent,
    bottles: target.bottles,
    label: `issue-${issue.number}`,
    prompt: `Work on issue #${issue.number}.`,
  }).pipe(forIssue(issue.number))
  yield* freeze(slug)
  yield* Effect.logInfo(`#${issue.number}: ${slug} is frozen`)
})

const tidy = Effect.gen(function* () {
  const forge = yield* Forge
  const rows = yield* (yield* ForgeStateStore).all
  for (const row of rows) {
    if (row.status !== "frozen" || Option.isNone(row.prNumber)) continue
    if (!(yield* forge.isPrOpen(row.prNumber.value))) yield* destroy(row.slug)
  }
})

const sweep = Effect.gen(function* () {
  const forge = yield* Forge
  const attempt = (issue: Issue) =>
    work(issue).pipe(
      Effect.catchTag("AlreadyHandled", () => Effect.void),
      Effect.catchAll((error) => Effect.logError(error.message)),
    )
  yield* forge.targetedIssues("").pipe(Stream.mapEffect(attempt, { concurrency: 4 }), Stream.runDrain)
  yield* tidy
})

const program = process.argv.includes("--once") ? sweep : Effect.repeat(sweep, Schedule.spaced("1 minute"))

NodeRuntime.runMain(Effect.provide(program, Layer.merge(BotBottle.layer, GiteaForge.layerConfig)))
