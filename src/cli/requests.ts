/** `requests`, `approve`, `deny` and `answer`: what agents ask for, and what the operator decides. */
import { Args, Command, Options } from "@effect/cli"
import { Clock, Effect, Option } from "effect"
import { type BottleRequest, type RequestDetail, detailText, stateOfRequest } from "../domain/AgentRequest.ts"
import { InvalidInput } from "../domain/Errors.ts"
import type { DecidedRequest, GivenDecision } from "../programs/decideRequest.ts"
import { neutralLine } from "../domain/Neutral.ts"
import { reportFailures } from "./failure.ts"
import { ago, note, printJson, printLine, table } from "./output.ts"
import { json } from "./shared.ts"

const lazy = Effect.promise(() => import("./lazy/requests.ts"))

const ofBottle = Args.text({ name: "slug" }).pipe(
  Args.withDescription("Only requests of this bottle: its name or its label"),
  Args.optional,
)

const listSpec = {
  slug: ofBottle,
  all: Options.boolean("all").pipe(Options.withDescription("Also those that were decided")),
  follow: Options.boolean("follow").pipe(
    Options.withAlias("f"),
    Options.withDescription("Print each request as it is made, until Ctrl-C"),
  ),
  json,
}

const FOLLOW_INTERVAL = "1 second"

/** `requests [SLUG]` */
export const requests = Command.make("requests", listSpec, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, listRequests, live } = yield* lazy
    yield* Effect.gen(function* () {
      const slug = Option.isNone(options.slug) ? undefined : yield* bottleNamed(options.slug.value)
      const read = listRequests({ all: options.all, ...(slug !== undefined && { slug }) })
      if (options.follow) return yield* followed(read, options.json)
      const found = yield* read
      if (options.json) return yield* printJson(found.map(asJson))
      if (found.length === 0) return yield* note("no request waits for a decision")
      yield* printLine(asTable(found, options.all, yield* Clock.currentTimeMillis))
      const open = found.find((request) => stateOfRequest(request) === "open")
      if (open !== undefined) yield* note(nextSteps(open))
    }).pipe(Effect.provide(live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("List what agents ask for: hosts, protected paths, budget, answers"))

/** Prints each request once in each of its states. */
const followed = <E, R>(read: Effect.Effect<ReadonlyArray<BottleRequest>, E, R>, isJson: boolean) => {
  const seen = new Set<string>()
  return Effect.gen(function* () {
    for (const request of yield* read) {
      const key = `${request.slug}/${request.id}/${stateOfRequest(request)}`
      if (seen.has(key)) continue
      seen.add(key)
      yield* isJson ? printJson(asJson(request)) : printLine(lineOf(request))
    }
    yield* Effect.sleep(FOLLOW_INTERVAL)
  }).pipe(Effect.forever)
}

const lineOf = (request: BottleRequest): string => {
  const { id, slug, run, detail, reason, at } = request
  const why = reason === "" ? "" : ` (${neutralLine(reason)})`
  return `${at} ${id} ${stateOfRequest(request)}: ${slug}, run ${run}, asks for ${detail.kind} ${detailText(detail)}${why}`
}

const nextSteps = ({ id, detail }: BottleRequest): string =>
  detail.kind === "question"
    ? `"bot-bottle answer ${id} TEXT" answers ${id}`
    : `"bot-bottle approve ${id}" approves ${id}, "bot-bottle deny ${id} --reason WHY" denies it`

const asJson = (request: BottleRequest): unknown => ({ ...request, state: stateOfRequest(request) })

const SHOWN_MAX = 80

const short = (text: string): string => {
  const line = neutralLine(text)
  return line.length <= SHOWN_MAX ? line : `${line.slice(0, SHOWN_MAX)}...`
}

const asTable = (found: ReadonlyArray<BottleRequest>, isAll: boolean, now: number) =>
  table(
    ["ID", "BOTTLE", "RUN", "KIND", "WHAT", "WHY", ...(isAll ? ["STATE", "BY"] : []), "ASKED"],
    found.map((request) => [
      request.id,
      request.slug,
      String(request.run),
      request.detail.kind,
      short(detailText(request.detail)),
      short(request.reason) || "-",
      ...(isAll ? [stateOfRequest(request), neutralLine(request.decision?.by ?? "-")] : []),
      ago(request.at, now),
    ]),
  )

const request = Args.text({ name: "id" }).pipe(
  Args.withDescription("ID of the request, as `requests` shows it"),
)

/** Decides, and says what follows. */
const decide = (id: string, isJson: boolean, verdict: (by: string) => GivenDecision) =>
  Effect.gen(function* () {
    const { decideRequest, live, operator, resumeLine } = yield* lazy
    yield* Effect.gen(function* () {
      const decided = yield* decideRequest(id, verdict(operator()))
      const { request, isRunning, isServed } = decided
      if (isJson) return yield* printJson({ ...(asJson(request) as object), isRunning, isServed })
      yield* note(decidedText(decided))
      if (isRunning) return
      yield* note(
        isServed
          ? `bottle ${request.slug} does not run: the service resumes it if it ended blocked`
          : `bottle ${request.slug} does not run: "${yield* resumeLine(request.slug)}" continues it, with a prompt such as "request ${id} was decided: look with request-status, and go on"`,
      )
    }).pipe(Effect.provide(live))
  }).pipe(reportFailures(isJson))

const once = Options.boolean("once").pipe(Options.withDescription("Only for one connection; of egress alone"))
const forRun = Options.boolean("for-run").pipe(Options.withDescription("Until the run ends; the default"))

/** `approve ID` */
export const approve = Command.make("approve", { id: request, once, forRun, json }, (options) =>
  options.once && options.forRun
    ? reportFailures(options.json)(
        Effect.fail(new InvalidInput({ field: "once", reason: "give --once or --for-run, not both" })),
      )
    : decide(options.id, options.json, (by) => ({
        verdict: "approved",
        by,
        scope: options.once ? "once" : "run",
      })),
).pipe(Command.withDescription("Give an agent what it asks for, for one run and never for its manifest"))

const reason = Options.text("reason").pipe(
  Options.withPseudoName("WHY"),
  Options.withDescription("Why not; the agent reads it"),
)

/** `deny ID --reason WHY` */
export const deny = Command.make("deny", { id: request, reason, json }, (options) =>
  decide(options.id, options.json, (by) => ({ verdict: "denied", by, reason: options.reason })),
).pipe(Command.withDescription("Refuse what an agent asks for"))

const answerText = Args.text({ name: "text" }).pipe(Args.withDescription("The answer; the agent reads it"))

/** `answer ID TEXT` */
export const answer = Command.make("answer", { id: request, text: answerText, json }, (options) =>
  decide(options.id, options.json, (by) => ({ verdict: "answered", by, answer: options.text })),
).pipe(Command.withDescription("Answer a question of an agent"))

const decidedText = ({ request, isRunning }: DecidedRequest): string => {
  const { id, slug, detail, decision } = request
  if (decision?.verdict === "answered") return `${id} is answered: the agent of ${slug} reads it`
  if (decision?.verdict === "denied") return `${id} is denied: nothing opens for ${slug}`
  const until =
    decision?.scope === "once" ? "for one connection" : isRunning ? "until its run ends" : "in its next run"
  return `${id} is approved: bottle ${slug} may ${mayText(detail)} ${until}`
}

const mayText = (detail: RequestDetail): string => {
  switch (detail.kind) {
    case "egress":
      return `reach ${detailText(detail)}`
    case "protected_path":
      return `push changes of ${detailText(detail)}`
    case "budget":
      return `use more: ${detailText(detail)}`
    case "question":
      return "read the answer"
  }
}
