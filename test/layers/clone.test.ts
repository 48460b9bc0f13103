/** A workspace that is a clone, on podman and on the stand-in for smolvm: by the same script as elsewhere, over a real gate. */
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import { expect, it } from "@effect/vitest"
import { Chunk, Effect, type Scope, Stream } from "effect"
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import type { BottlePlan } from "../../src/domain/Bottle.ts"
import type { HomeShape } from "../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { serve } from "../support/serve.ts"
import { decodeDocument } from "../../src/sidecar/SidecarDocument.ts"
import { ensureRunDirectory } from "../../src/layers/bottle/runDirectory.ts"
import { Home } from "../../src/layers/home/Home.ts"
import type { Backend } from "../../src/services/Backends.ts"
import { shellPlan } from "../support/docker.ts"
import { TOKEN, type Forge, forge, ok } from "../support/git.ts"
import { describePodman } from "../support/podman.ts"
import { describeSmolvm, smolvmInstances, standIn } from "../support/smolvm.ts"

const SLUG = "clone-abcde"

/** A sidecar at the bottle's neck, until the scope closes. */
const serveGate = (home: HomeShape, at: Forge) =>
  Effect.gen(function* () {
    const { neckSocket, state } = yield* Effect.provideService(ensureRunDirectory(SLUG), Home, home)
    mkdirSync(dirname(state), { recursive: true })
    const document = {
      slug: SLUG,
      socketPath: neckSocket,
      stateDir: state,
      git: [{ name: "app", url: at.url, credential: TOKEN, private: true }],
    }
    yield* serve(yield* decodeDocument(JSON.stringify(document)), {
      drainMs: 100,
    }).pipe(Effect.provide(GiteaForges.layer))
  })

/** Runs a plan to its end, and answers what its agent wrote. */
const run = (backend: Backend, home: HomeShape, at: Forge, plan: BottlePlan) =>
  Effect.gen(function* () {
    yield* serveGate(home, at)
    yield* backend.ensureImage(plan)
    yield* backend.create(plan)
    yield* backend.start(plan.slug)
    const said = yield* Stream.runCollect(backend.output(plan.slug, plan.run))
    const code = yield* backend.wait(plan.slug)
    return { code, text: Buffer.concat(Chunk.toArray(said).map(({ bytes }) => bytes)).toString("utf8") }
  }).pipe(Effect.scoped)

const clones = (
  backend: string,
  world: Effect.Effect<
    { readonly home: HomeShape; readonly first: Backend; readonly image: string; readonly user?: string },
    unknown,
    Scope.Scope
  >,
) =>
  it.scopedLive("is there before the agent, pushes, and is not cloned again after a freeze", () =>
    Effect.gen(function* () {
      const at = yield* forge
      const { home, first, image, user } = yield* world
      const clone = {
        git: "app",
        branch: `bot-bottle/${SLUG}`,
        author: { name: "it's me", email: "me@example.com" },
        forge: false,
      }
      const script =
        'git log -1 --format=%s; ls; echo $BOT_BOTTLE_RUN >>n; git add n; git commit -qm "Run $BOT_BOTTLE_RUN"; git push -q; rm -f README.md'
      const plan = shellPlan(SLUG, image, script, {
        backend,
        clone,
        ...(user !== undefined && { user }),
      })
      expect(yield* run(first, home, at, plan)).toEqual({ code: 0, text: "first\nREADME.md\nsrc\n" })
      const tip = ["log", "-1", "--format=%s by %an", clone.branch]
      expect(yield* ok(at.directory, tip)).toBe("Run 1 by it's me")
      const artifact = yield* first.freeze(plan.slug, 1)
      yield* first.remove(plan.slug)
      const second = { ...plan, run: 2, image: artifact, rehydrate: true }
      expect(yield* run(first, home, at, second)).toEqual({ code: 0, text: "Run 1\nn\nsrc\n" })
      expect(yield* ok(at.directory, tip)).toBe("Run 2 by it's me")
      yield* first.destroy(plan.slug)
      const lost = yield* Effect.flip(run(first, home, at, { ...plan, clone: { ...clone, ref: "nowhere" } }))
      expect(lost).toMatchObject({
        _tag: "BackendFailure",
        operation: "cloning into the workspace",
        target: SLUG,
      })
      expect(String(lost)).toContain('"app" has no branch, tag or commit "nowhere"')
      yield* first.destroy(plan.slug)
    }).pipe(Effect.provide(NodeProcessRunner.layer)),
  )

describePodman("a workspace that is a clone on podman", (podman) => {
  clones(
    "podman",
    Effect.gen(function* () {
      const image = yield* Effect.provide(podman.image({ git: true }), NodeProcessRunner.layer)
      return { ...(yield* podman.instances()), image }
    }),
  )
})

describeSmolvm("a workspace that is a clone on a stand-in for smolvm", () => {
  clones(
    "smolvm",
    Effect.gen(function* () {
      const smolvm = yield* Effect.provide(standIn({ git: true }), NodeProcessRunner.layer)
      return { ...(yield* smolvmInstances(smolvm)), image: smolvm.pack(), user: "1000:1000" }
    }),
  )
})
