/** The demo: an issue of a simulated forge, a scripted agent in a bottle, freeze, resume, destroy; nothing is left behind. */
import * as FileSystem from "@effect/platform/FileSystem"
import { ConfigProvider, Effect, Option, Schema } from "effect"
import { neutral } from "../../domain/Neutral.ts"
import * as DockerBackend from "../../layers/docker/DockerBackend.ts"
import { ensureDemoImage, removeDemoImage } from "../../layers/docker/demoImage.ts"
import { Home, homeAt } from "../../layers/home/Home.ts"
import type { HomeShape } from "../../layers/home/Home.ts"
import { layer } from "../../layers/live.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import { destroy } from "../../programs/destroy.ts"
import { freeze } from "../../programs/freeze.ts"
import { listBottles } from "../../programs/listBottles.ts"
import type { RunEvent } from "../../programs/options.ts"
import { orchestrateResume } from "../../programs/orchestrateResume.ts"
import { orchestrateStart } from "../../programs/orchestrateStart.ts"
import { orchestrateStatus } from "../../programs/orchestrateStatus.ts"
import { verifyProvenance } from "../../programs/verifyProvenance.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import * as GiteaSimulator from "../../testing/gitea/GiteaSimulator.ts"
import { bold, note, printLine, table } from "../output.ts"
import { observer } from "../shared.ts"
import { demoAgent, demoIssue } from "./demoAgent.ts"

const TOKEN = "5ca1ab1e0ddba11cafef00d5ca1ab1e0ddba11ca"
const place = { owner: "ada", repo: "cellar" }

/** Runs the main job from an issue to the destroyed bottle, and says at each step what happens. */
export const demo = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const home = homeAt(yield* fs.makeTempDirectoryScoped({ prefix: "bot-bottle-demo-" }))
  const forge = yield* GiteaSimulator.make({
    users: [{ login: "cellar-bot", token: TOKEN }, { login: "ada" }],
    orgs: [{ name: "bot-bottle", members: ["cellar-bot"] }],
    repos: [
      {
        owner: place.owner,
        name: place.repo,
        collaborators: { "cellar-bot": "write" },
        issues: [
          { number: 1, title: "Not yours", author: "ada" },
          { ...demoIssue, author: "ada", labels: ["bot-bottle:carpenter"], assignees: ["cellar-bot"] },
        ],
      },
    ],
  })
  const backend = yield* chooseBackend
  yield* writeManifests(home, backend)
  yield* story.pipe(
    Effect.provide(layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(environment(forge.apiUrl))),
    Effect.provideService(Home, home),
  )
  yield* step("what the maintainer sees on the forge")
  const comments = forge.state.issue(place.owner, place.repo, demoIssue.number)?.comments ?? []
  yield* Effect.forEach(
    comments,
    ({ authorId, body }) => printLine(`  ${forge.state.userById(authorId)?.login ?? "?"}: ${neutral(body)}`),
    { discard: true },
  )
}).pipe(Effect.scoped, Effect.provide(NodeProcessRunner.layer))

const environment = (apiUrl: string): Map<string, string> =>
  new Map([
    ["FORGE_GITEA_API", apiUrl],
    ["FORGE_GITEA_TOKEN", TOKEN],
    ["FORGE_OWNER", place.owner],
    ["FORGE_REPO", place.repo],
    ["FORGE_ISSUE_NUMBER", String(demoIssue.number)],
    ["FORGE_PR_NUMBER", ""],
  ])

interface DemoBackend {
  readonly name: string
  readonly image: Option.Option<string>
}

/** Docker if an engine answers, with an image made of this host's programs that goes when the demo ends; else plain processes. */
const chooseBackend = Effect.gen(function* () {
  const docker = yield* Effect.either(Effect.flatMap(DockerBackend.make, (found) => found.check))
  if (docker._tag === "Left") {
    yield* note(
      `no docker engine (${docker.left.reason}): the demo runs on the host backend, a plain process without any isolation`,
    )
    return { name: "host", image: Option.none() } satisfies DemoBackend
  }
  yield* note(`docker: ${docker.right}; making an image from this machine's shell and node ...`)
  const image = yield* Effect.acquireRelease(ensureDemoImage, removeDemoImage)
  return { name: "docker", image: Option.some(image) } satisfies DemoBackend
})

const writeManifests = Effect.fn("writeManifests")(function* (home: HomeShape, backend: DemoBackend) {
  const fs = yield* FileSystem.FileSystem
  const image = Option.match(backend.image, { onNone: () => "", onSome: (name) => `image: ${name}\n` })
  yield* fs.makeDirectory(home.agents, { recursive: true })
  yield* fs.makeDirectory(home.bottles, { recursive: true })
  yield* fs.writeFileString(`${home.agents}/carpenter.md`, demoAgent)
  yield* fs.writeFileString(
    `${home.bottles}/small.yaml`,
    `${image}backend: ${backend.name}\nlimits: { timeout: 1 minute }\n`,
  )
})

const step = (text: string) => printLine(`\n${bold(`== ${text}`)}`)

const story = Effect.gen(function* () {
  let slug = ""
  const show = observer({ json: false, raw: false })
  const observe = (event: RunEvent): Effect.Effect<void> => {
    if (event._tag === "Slug") slug = event.slug
    return show(event)
  }
  yield* step(`issue #${demoIssue.number} is assigned: an agent starts in a bottle`)
  yield* Effect.gen(function* () {
    yield* orchestrateStart({ agent: "carpenter", prompt: "Find out why the door stands open.", observe })
    yield* step("it said it is done: the bottle is frozen, and nothing of it runs")
    yield* freeze(slug)
    yield* showStatus
    yield* step("a comment asks for more: the same bottle goes on with a new prompt")
    yield* orchestrateResume({ slug, prompt: "Say what to do about it.", observe })
    yield* showStatus
    yield* step("what went through the neck (the operation log)")
    yield* showLog(slug)
  }).pipe(
    Effect.onExit(() => Effect.suspend(() => (slug === "" ? Effect.void : Effect.orDie(destroy(slug))))),
  )
  yield* step("the pull request is closed: the bottle is destroyed")
  yield* printLine(`  bottles left: ${(yield* listBottles()).length}`)
})

const showStatus = Effect.gen(function* () {
  const states = new Map((yield* listBottles()).map((bottle) => [bottle.slug as string, bottle]))
  const issues = yield* orchestrateStatus()
  yield* printLine(
    table(
      ["ISSUE", "SLUG", "AGENT", "STATUS", "BOTTLE", "RUN", "SAID"],
      issues.map((issue) => {
        const bottle = states.get(issue.slug)
        const said = Option.match(
          Option.flatMapNullable(Option.fromNullable(bottle), (found) => Option.getOrNull(found.done)),
          {
            onNone: () => "-",
            onSome: (done) => `${done.status}: ${done.summary}`,
          },
        )
        return [
          issue.issueUrl,
          issue.slug,
          issue.agent,
          issue.status,
          bottle?.state ?? "-",
          String(bottle?.run ?? "-"),
          said,
        ]
      }),
    ),
  )
})

const LogLine = Schema.parseJson(
  Schema.Struct({
    seq: Schema.Number,
    op: Schema.String,
    target: Schema.String,
    phase: Schema.optional(Schema.String),
    outcome: Schema.optional(Schema.String),
    reason: Schema.optional(Schema.String),
  }),
)

const showLog = Effect.fn("showLog")(function* (slug: string) {
  const [bottle] = yield* listBottles()
  if (bottle === undefined) return
  const lines = yield* Effect.forEach(yield* (yield* Sidecar).log(bottle.slug), (line) =>
    Schema.decodeUnknown(LogLine)(line),
  )
  yield* printLine(
    table(
      ["SEQ", "OPERATION", "TARGET", "OUTCOME"],
      lines.map((line) => [
        String(line.seq),
        line.op,
        line.target,
        [line.phase, line.outcome, line.reason].filter((word) => word !== undefined).join(" "),
      ]),
    ),
  )
  const verdict = yield* verifyProvenance(slug)
  yield* printLine(
    `chain: ${verdict.ok ? "whole" : "BROKEN"}, ${verdict.lines} lines, head ${verdict.head.slice(0, 16)}...`,
  )
})
