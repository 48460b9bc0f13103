/** One service and one home for two repositories: each run has its own image and its own repository, by manifests that name none. */
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, TestClock } from "effect"
import { decodeBottle } from "../../src/domain/ManifestFile.ts"
import { IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { HostName } from "../../src/domain/orchestrator/StoredOperation.ts"
import * as LiveForges from "../../src/layers/forges.ts"
import { kind } from "../../src/layers/gitea/GiteaForge.ts"
import * as LocalLifeCycleEngine from "../../src/orchestrator/engine/LocalLifeCycleEngine.ts"
import { ServedRepositories } from "../../src/orchestrator/ServedRepositories.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { LifeCycleEngine } from "../../src/services/LifeCycleEngine.ts"
import * as actions from "../../src/simulator/actions.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import * as MemoryManifests from "../../src/testing/MemoryManifests.ts"
import { hint, issue, makeWorld, targets } from "./world.ts"

const bottle = (image: string) =>
  decodeBottle(`bottles/${image}.yaml`, {
    image,
    backend: "fake",
    git: { app: { forge: true } },
    workspace: { git: "app" },
  })

it.scoped("two repositories are served with their own images and bases", () =>
  Effect.gen(function* () {
    const world = yield* makeWorld()
    const clock = yield* Effect.clock
    const press = yield* FakeForge.make({
      now: () => clock.unsafeCurrentTimeMillis(),
      owner: "ada",
      repo: "press",
      self: "cellar-bot",
      org: "bot-bottle",
      orgs: [{ name: "bot-bottle", members: ["cellar-bot"] }],
      collaborators: { "cellar-bot": "write" },
      issues: [{ number: 5, title: "Ink", author: "ada" }],
    })
    const ink = press.repo.issues.get(5)
    if (ink === undefined) return yield* Effect.dieMessage("no issue")
    const ada = press.state.ensureUser("ada").id
    for (const label of ["bot-bottle:carpenter", "bot-bottle-bottle:ink"])
      actions.setLabel(press.state, ink, ada, label, true)
    actions.setAssignee(press.state, ink, ada, "cellar-bot", true)
    yield* targets(world)

    const outer = Context.get(world.context, ServedRepositories)
    const own = yield* Layer.build(
      Layer.mergeAll(
        LiveForges.layer({
          gitea: {
            ...kind,
            make: ({ repo }) => Effect.succeed(repo === "press" ? press.forge : world.forge.forge),
          },
        }),
        MemoryManifests.layer({
          agents: { carpenter: { bottle: "oak", command: ["agent"] } },
          bottles: { oak: yield* bottle("oak"), ink: yield* bottle("ink") },
        }),
        Layer.succeed(ServedRepositories, {
          ...outer,
          find: (asked) =>
            Option.map(outer.find({ ...asked, repo: "cellar" }), (served) =>
              asked.repo === "press"
                ? { ...served, target: { ...served.target, repo: "press" }, base: "develop" }
                : served,
            ),
        }),
      ),
    )
    const built = yield* LocalLifeCycleEngine.layer({
      host: HostName.make("host-a"),
      poll: "5 seconds",
    }).pipe(Layer.build, Effect.provide(Context.merge(world.context, own)))
    const inbox = Context.get(world.context, Inbox)
    yield* inbox.accept(hint("a"))
    yield* inbox.accept(hint("b", { ...issue, repo: "press", issueNumber: IssueNumber.make(5) }))
    yield* TestClock.adjust("6 seconds")
    yield* Context.get(built, LifeCycleEngine).idle

    const seen = (yield* world.fake.plans).map(({ slug, image, clone }) => {
      const config = world.sidecar.launches.find((launched) => launched.slug === slug)
      const { url, base } = config?.git["app"] ?? {}
      return [image, clone?.ref, url, base, config?.forge?.target.repo, config?.forge?.assignment.base]
    })
    expect(seen.toSorted()).toEqual([
      ["ink", "develop", "http://git.example/ada/press.git", "develop", "press", "develop"],
      ["oak", undefined, "http://git.example/ada/cellar.git", undefined, "cellar", undefined],
    ])
  }),
)
