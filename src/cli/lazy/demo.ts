/** The demo: an agent that works on an issue up to its pull request, and one that tries what it may not; nothing is left behind. */
import * as FileSystem from "@effect/platform/FileSystem"
import { ConfigProvider, Effect } from "effect"
import { basename } from "node:path"
import * as DockerBackend from "../../layers/docker/DockerBackend.ts"
import { makeOwnDemoImage, removeDemoImage } from "../../layers/docker/demoImage.ts"
import type { HomeShape } from "../../layers/home/Home.ts"
import { Home, homeAt } from "../../layers/home/Home.ts"
import { layer } from "../../layers/live.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import { destroy } from "../../programs/destroy.ts"
import { freeze } from "../../programs/freeze.ts"
import { listBottles } from "../../programs/listBottles.ts"
import type { RunEvent } from "../../programs/options.ts"
import { orchestrateResume } from "../../programs/orchestrateResume.ts"
import { orchestrateStart } from "../../programs/orchestrateStart.ts"
import { note, printLine } from "../output.ts"
import { observer } from "../shared.ts"
import { demoAgents, demoBottle } from "../demo/demoAgents.ts"
import { type DemoForge, ISSUES, makeDemoForge } from "../demo/demoForge.ts"
import { demoPlace, removeLeftDemos } from "../demo/demoPlace.ts"
import { lines, showLog, showStatus, step } from "../demo/demoViews.ts"

/** Runs the main job from an issue to the merged pull request, and says at each step what happens. */
export const demo = Effect.gen(function* () {
  yield* removeLeftDemos
  const place = yield* demoPlace
  const forge = yield* makeDemoForge(place)
  yield* printLine(
    "Two agents, which are scripts, work on issues of a forge, which is simulated. All else is as it will be\nwith yours: bottles, git, commits, and what stands in the way.",
  )
  yield* play(place, forge, yield* chooseBackend(place))
  yield* printLine(whatNext)
}).pipe(Effect.scoped, Effect.provide(NodeProcessRunner.layer))

/** Plays the demo on a forge, with a home at that place; its bottles are gone when it ends, however it does. */
export const play = Effect.fn("playDemo")(function* (place: string, forge: DemoForge, backend: DemoBackend) {
  const home = homeAt(place)
  yield* writeManifests(home, demoBottle({ ...backend, url: forge.url }))
  yield* story(forge, backend.backend !== "host").pipe(
    Effect.provide(layer),
    Effect.provideService(Home, home),
  )
})

const whatNext = `
What next: \`bot-bottle init\` writes example manifests, and \`bot-bottle doctor\` says what is missing on this machine.
README.md goes on from there ("First real use"), and docs/security.md says what is promised and what is not.`

/** Where the bottles of the demo are made, and of which image. */
export interface DemoBackend {
  readonly backend: string
  readonly image: string | undefined
}

/** Docker if an engine answers, with an image made of this host's programs that goes when the demo ends; else plain processes. */
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

const story = Effect.fn("story")(function* (forge: DemoForge, isIsolated: boolean) {
  const slugs: Array<string> = []
  const show = observer({ json: false, raw: false })
  const observe = (event: RunEvent): Effect.Effect<void> => {
    if (event._tag === "Slug" && !slugs.includes(event.slug)) slugs.push(event.slug)
    return show(event)
  }
  const destroyAll = Effect.suspend(() => Effect.forEach(slugs, (slug) => destroy(slug), { discard: true }))
  yield* Effect.gen(function* () {
    const start = (agent: keyof typeof demoAgents, issue: number) =>
      on(forge, issue, orchestrateStart({ agent, prompt: "Do what your issue asks.", observe }))
    yield* step(
      `ada gives issue #${ISSUES.door} to an agent, which starts in a bottle`,
      isIsolated
        ? "It has no network and no credential: all that it does on the forge goes through its neck."
        : "It has no credential: all that it does on the forge goes through its neck. (With docker it would have no network either.)",
    )
    const carpenter = yield* start("carpenter", ISSUES.door)
    yield* step(
      "it has signalled that it is done: the bottle is frozen",
      "Nothing of it runs any more, and nothing of it is lost.",
    )
    yield* freeze(carpenter)
    yield* on(forge, ISSUES.door, showStatus)
    const pr = forge.pulls()[0]?.number ?? 0
    yield* step(
      `ada comments on pull request #${pr}: the same bottle goes on`,
      "The agent finds its files and its clone as it left them.",
    )
    yield* forge.comment(pr, "Good. Please oil the hinge too.")
    const prompt = "There is a review of your pull request: do what it asks."
    yield* on(forge, ISSUES.door, orchestrateResume({ slug: carpenter, prompt, observe }))
    yield* printLine("")
    yield* lines(yield* forge.view(pr))
    const before = yield* forge.main
    yield* step(
      `mallory has talked another agent into doing harm, by the text of issue #${ISSUES.trap}`,
      "The agent tries it all, and is stopped at the neck before anything reaches the forge.",
    )
    const apprentice = yield* start("apprentice", ISSUES.trap)
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
      `ada merges pull request #${pr}: the bottles are destroyed`,
      "Nothing of the demo is left: no bottle, no image, no file.",
    )
    yield* forge.merge(pr)
    yield* lines([
      `issue #${ISSUES.door} is ${forge.issue(ISSUES.door)?.state ?? "gone"}, and main has:`,
      ...(yield* forge.git("log", "--reverse", "--format=%h %an: %s", "main"))
        .split("\n")
        .map((commit) => `  ${commit}`),
    ])
    yield* Effect.uninterruptible(destroyAll)
  }).pipe(Effect.onError(() => Effect.ignore(destroyAll)))
  yield* lines([`bottles left: ${(yield* listBottles()).length}`])
})

/** With FORGE_* as they are for an issue. */
const on = <A, E, R>(forge: DemoForge, issue: number, effect: Effect.Effect<A, E, R>) =>
  Effect.withConfigProvider(effect, ConfigProvider.fromMap(forge.environment(issue)))
