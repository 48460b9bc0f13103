/**
 * The demo: the service carries an issue from its label to the merged pull request, through a crash; a second agent tries what it may
 * not; nothing is left behind.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect } from "effect"
import { basename } from "node:path"
import * as DockerBackend from "../../layers/docker/DockerBackend.ts"
import { makeOwnDemoImage, removeDemoImage } from "../../layers/docker/demoImage.ts"
import type { HomeShape } from "../../layers/home/Home.ts"
import { Home, homeAt } from "../../layers/home/Home.ts"
import { layer } from "../../layers/live.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import { destroy } from "../../programs/destroy.ts"
import { listBottles } from "../../programs/listBottles.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import { note, printLine } from "../output.ts"
import { demoAgents, demoBottle } from "../demo/demoAgents.ts"
import { type DemoForge, ISSUES, makeDemoForge } from "../demo/demoForge.ts"
import { demoPlace, removeLeftDemos } from "../demo/demoPlace.ts"
import { type DemoService, makeService } from "../demo/demoService.ts"
import { lines, showLog, showOutput, showStatus, step } from "../demo/demoViews.ts"

/** Runs the main use case from an issue to the merged pull request, and explains each step. */
export const demo = Effect.gen(function* () {
  yield* removeLeftDemos
  const place = yield* demoPlace
  const forge = yield* makeDemoForge(place)
  yield* printLine(
    "Two agents, which are scripts, work on issues of a forge, which is simulated. All else is as it will be\nwith yours: bottles, git, commits, and what stands in the way.",
  )
  const [node, bin = ""] = process.argv
  yield* play(place, forge, { ...(yield* chooseBackend(place)), program: [node ?? "node", bin] })
  yield* printLine(whatNext)
}).pipe(Effect.scoped, Effect.provide(NodeProcessRunner.layer))

/** Runs the demo on a forge, with a home in that folder. Its service and its bottles are removed at the end, whatever happens. */
export const play = Effect.fn("playDemo")(function* (
  place: string,
  forge: DemoForge,
  { program, ...backend }: DemoBackend & DemoProgram,
) {
  const home = homeAt(place)
  yield* writeManifests(home, demoBottle(backend))
  yield* Effect.gen(function* () {
    yield* Effect.acquireRelease(Effect.void, () => Effect.ignoreLogged(destroyAll))
    const service = yield* makeService(program, home, forge)
    yield* story(forge, service, backend.backend !== "host")
    yield* service.end
    yield* destroyAll
    yield* lines([`bottles left: ${(yield* listBottles()).length}`])
  }).pipe(Effect.scoped, Effect.provide(layer), Effect.provideService(Home, home))
})

const destroyAll = Effect.flatMap(listBottles(), (bottles) =>
  Effect.forEach(bottles, ({ slug }) => destroy(slug), { discard: true }),
)

const whatNext = `
What next: \`bot-bottle init\` writes example manifests, and \`bot-bottle doctor\` says what is missing on this machine.
README.md goes on from there ("First real use"), and docs/security.md says what is promised and what is not.`

/** The backend and the image of the demo's bottles. */
export interface DemoBackend {
  readonly backend: string
  readonly image: string | undefined
}

/** The command line of bot-bottle, with which the demo runs its service. */
export interface DemoProgram {
  readonly program: readonly [command: string, ...args: ReadonlyArray<string>]
}

/** Docker if an engine responds, with an image made of this host's programs that is removed at the end; otherwise plain processes. */
const chooseBackend = Effect.fnUntraced(function* (place: string) {
  const docker = yield* Effect.either(Effect.flatMap(DockerBackend.make, (found) => found.check))
  if (docker._tag === "Left") {
    yield* note(
      `no docker engine (${docker.left.reason}): the demo runs on the host backend, a plain process without any isolation`,
    )
    return { backend: "host", image: undefined } satisfies DemoBackend
  }
  yield* note(`docker: ${docker.right}; making an image from this machine's shell, node and git ...`)
  const image = yield* Effect.acquireRelease(makeOwnDemoImage(basename(place)), removeDemoImage)
  return { backend: "docker", image } satisfies DemoBackend
})

const writeManifests = Effect.fn("writeManifests")(function* (home: HomeShape, bottle: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(home.agents, { recursive: true })
  yield* fs.makeDirectory(home.bottles, { recursive: true })
  for (const [name, text] of Object.entries(demoAgents))
    yield* fs.writeFileString(`${home.agents}/${name}.md`, text)
  yield* fs.writeFileString(`${home.bottles}/small.yaml`, bottle)
})

const story = Effect.fn("story")(function* (forge: DemoForge, service: DemoService, isIsolated: boolean) {
  yield* step(
    "the service starts: it listens to the webhooks of one repository",
    "Nothing else is running. Its state is in one SQLite file.",
  )
  yield* service.start
  yield* step(
    `ada labels issue #${ISSUES.door} for an agent and assigns the bot: a bottle starts`,
    isIsolated
      ? "It has no network and no credential: all that it does on the forge goes through its neck."
      : "It has no credential: all that it does on the forge goes through its neck. (With docker it would have no network either.)",
  )
  yield* forge.give(ISSUES.door, "carpenter")
  yield* service.says("frozen", ISSUES.door)
  const carpenter = yield* bottleOf(ISSUES.door)
  yield* showOutput(carpenter, 1)
  yield* step(
    "it has signalled that it is done: the bottle is frozen",
    "Nothing of it runs any more, and nothing of it is lost.",
  )
  yield* showStatus
  const pr = forge.pulls()[0]?.number ?? 0
  yield* step(
    `the service is killed; meanwhile ada reviews pull request #${pr}, and that webhook is lost`,
    "Gitea sends a webhook once. Whoever relies on it alone never hears of this review.",
  )
  yield* service.kill
  yield* forge.review(pr, "Good. One thing:", {
    path: "door.md",
    line: HINGE_LINE,
    body: "Please oil the hinge too.",
    hunk: "@@ -1,4 +1,4 @@\n # The door\n \n-Width: 91 cm, the frame has 90\n+Width: 90 cm, as the frame\n Hinge: dry",
  })
  yield* forge.sim.webhooks.idle
  yield* lines([`webhooks that nobody took: ${forge.lostWebhooks()}`])
  yield* step(
    "the service starts again: it asks the forge what changed, and the same bottle goes on",
    "The agent finds its files and its clone as it left them.",
  )
  yield* service.start
  const before = yield* forge.main
  yield* step(
    `meanwhile mallory talks another agent into doing harm, by the text of issue #${ISSUES.trap}`,
    "It gets a bottle of its own. Neither agent sees the other.",
  )
  yield* forge.give(ISSUES.trap, "apprentice")
  yield* service.says("frozen", ISSUES.door, ISSUES.trap)
  yield* step(
    "the first agent has done as the review asks",
    "Its prompt had the review with the line of the file; its push went to the same pull request.",
  )
  yield* showOutput(carpenter, 2)
  yield* printLine("")
  yield* lines(yield* forge.view(pr))
  yield* step(
    "the second agent has tried all that the issue asks",
    "It was stopped at the neck before anything reached the forge.",
  )
  const apprentice = yield* bottleOf(ISSUES.trap)
  yield* showOutput(apprentice, 1)
  yield* printLine("")
  yield* lines([
    `main on the forge is ${(yield* forge.main) === before ? "as it was" : "CHANGED"}; branches there: ${(yield* forge.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads")).replaceAll("\n", ", ")}`,
  ])
  yield* step(
    "each call is in the operation log, the refused ones too",
    "It lies outside of the bottle, and no line of it can be changed without being found out.",
  )
  yield* showLog(apprentice)
  yield* step(
    `ada merges pull request #${pr}: the service destroys its bottle`,
    "The demo removes the other one, so that nothing of it is left: no bottle, no image, no file.",
  )
  yield* forge.merge(pr)
  yield* service.says("destroyed", ISSUES.door)
  yield* lines([
    `issue #${ISSUES.door} is ${forge.issue(ISSUES.door)?.state ?? "gone"}, and main has:`,
    ...(yield* forge.git("log", "--reverse", "--format=%h %an: %s", "main"))
      .split("\n")
      .map((commit) => `  ${commit}`),
  ])
})

/** The line of door.md that the review comments on. */
const HINGE_LINE = 4

/** The slug of the bottle that handles an issue. */
const bottleOf = Effect.fnUntraced(function* (issue: number) {
  const rows = yield* (yield* ForgeStateStore).all
  return rows.find(({ issueNumber }) => issueNumber === issue)?.slug ?? ""
})
