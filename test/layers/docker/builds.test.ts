import { expect, it, layer } from "@effect/vitest"
import { Duration, Effect, Option, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { PullPolicy } from "../../../src/domain/Bottle.ts"
import { docker as dockerDialect } from "../../../src/layers/docker/dialect.ts"
import * as HostBackend from "../../../src/layers/host/HostBackend.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import * as SmolvmBackend from "../../../src/layers/smolvm/SmolvmBackend.ts"
import type { Backend } from "../../../src/services/Backends.ts"
import { describeDocker, docker, dockerInstances, shellPlan } from "../../support/docker.ts"
import { testImage } from "../../support/images.ts"
import { serveNeck } from "../../support/neck.ts"
import { describePodman } from "../../support/podman.ts"
import { tempDir } from "../../support/tempDir.ts"

let counter = 0
const newSlug = () => `builds-${process.pid}-${++counter}`

/** A folder to build from, and what changes it. */
const contextFolder = Effect.map(tempDir, (dir) => {
  const context = join(dir, "Box")
  mkdirSync(context)
  return {
    context,
    write: (files: Readonly<Record<string, string>>) => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(context, name), text)
    },
  }
})

const buildPlan = (
  context: string,
  { pull = "missing", dockerfile }: { readonly pull?: PullPolicy; readonly dockerfile?: string } = {},
) =>
  shellPlan(newSlug(), "", "cat /greeting", {
    pull,
    build: { context, ...(dockerfile !== undefined && { dockerfile }) },
  })

type Run = (...args: ReadonlyArray<string>) => string

/** Names of what was built there; podman keeps steps of a build, its cache, without a name. */
const built = (run: Run, context: string): ReadonlyArray<string> =>
  run("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", `label=bot-bottle.build=${context}`)
    .split("\n")
    .filter((name) => name !== "" && !name.includes("<none>"))

/** The images that a backend built go with the test, whatever became of it. */
const forgetBuilds = (run: Run, context: string) =>
  Effect.addFinalizer(() =>
    Effect.sync(() => {
      const names = built(run, context)
      if (names.length > 0) run("image", "rm", "--force", ...names)
    }),
  )

const unneeded = (backend: Backend) => backend.builds?.unneeded ?? Effect.die("it builds none")

/** What holds for every engine that builds. */
const builds = (instances: typeof dockerInstances, baseImage: ReturnType<typeof testImage>, run: Run) =>
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped(
      "a bottle is made of what is built; the cache answers while nothing changes, and what a change supersedes can go",
      () =>
        Effect.gen(function* () {
          const base = yield* baseImage
          const { context, write } = yield* contextFolder
          yield* forgetBuilds(run, context)
          write({ Dockerfile: `FROM ${base}\nCOPY greeting /greeting\n`, greeting: "hello" })
          const { home, first } = yield* instances()
          const launched = (plan: ReturnType<typeof buildPlan>) =>
            Effect.gen(function* () {
              yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(plan.slug)))
              yield* serveNeck(home, plan.slug)
              yield* first.ensureImage(plan)
              const { imageDigest } = yield* first.create(plan)
              yield* first.start(plan.slug)
              const said = yield* first.output(plan.slug, 1).pipe(
                Stream.map(({ bytes }) => Buffer.from(bytes).toString("utf8")),
                Stream.mkString,
              )
              return { imageDigest, said }
            })

          expect(
            (yield* Effect.flip(first.ensureImage(buildPlan(context, { pull: "never" })))).message,
          ).toContain("not built yet")
          const one = buildPlan(context)
          const made = yield* launched(one)
          expect(made.said).toBe("hello")
          expect(yield* launched(buildPlan(context))).toEqual(made)
          expect(yield* unneeded(first)).toEqual([])

          write({ greeting: "good day" })
          expect((yield* launched(buildPlan(context, { pull: "never" }))).said).toBe("hello")
          const later = yield* launched(buildPlan(context))
          expect(later.said).toBe("good day")
          // Three containers are made of the first image still.
          expect(yield* unneeded(first)).toEqual([])
          const artifact = yield* first.freeze(one.slug, 1)
          for (const { slug } of yield* first.list) yield* first.remove(slug)
          const [old, ...others] = yield* unneeded(first)
          expect(others).toEqual([])
          expect(old).toMatchObject({ reason: "superseded" })
          expect(yield* unneeded((yield* instances()).first)).toEqual([])
          yield* first.builds?.remove(old?.reference ?? "none") ?? Effect.void
          expect(yield* unneeded(first)).toEqual([])

          const again = shellPlan(one.slug, artifact, "cat /greeting", { rehydrate: true, run: 2 })
          yield* first.create(again)
          expect(Option.getOrThrow(yield* first.inspect(one.slug)).state).toBe("created")
          yield* first.destroy(one.slug)
          rmSync(context, { recursive: true })
          const gone = yield* unneeded(first)
          expect(gone.map(({ reason }) => reason)).toEqual(Array(2).fill(`${context} is gone`))
          yield* Effect.forEach(gone, ({ reference }) => first.builds?.remove(reference) ?? Effect.void)
          expect(built(run, context)).toEqual([])
        }),
      180_000,
    )

    it.scoped("what was built may be of root, or have a VOLUME, no more than any other image", () =>
      Effect.gen(function* () {
        const base = yield* baseImage
        const { context, write } = yield* contextFolder
        yield* forgetBuilds(run, context)
        write({ Dockerfile: `FROM ${base}\nUSER root\n`, second: `FROM ${base}\nVOLUME /data\n` })
        const { first } = yield* instances()
        const refused = (plan: ReturnType<typeof buildPlan>) =>
          Effect.flip(Effect.zipRight(first.ensureImage(plan), first.create(plan)))
        expect((yield* refused(buildPlan(context))).message).toMatch(/image ".*-build:box-.*" runs as root/)
        expect((yield* refused(buildPlan(context, { dockerfile: "second" }))).message).toContain(
          "VOLUME /data",
        )
      }),
    )

    it.scoped("a build that fails is told with its last lines, and leaves no image", () =>
      Effect.gen(function* () {
        const { context, write } = yield* contextFolder
        write({
          Dockerfile: "FROM scratch\nCOPY greeting /greeting\nCOPY no-such-file /\n",
          greeting: "hello",
        })
        const { first } = yield* instances()
        const error = yield* Effect.flip(first.ensureImage(buildPlan(context)))
        expect(error).toMatchObject({ _tag: "BackendFailure", operation: "build", target: context })
        expect(error.message).toMatch(/no-such-file[\s\S]*\n {2}\| .*COPY greeting/)
        expect(built(run, context)).toEqual([])
        expect((yield* Effect.flip(first.ensureImage(buildPlan(join(context, "none"))))).message).toContain(
          "no such folder",
        )
      }),
    )
  })

describeDocker("what docker builds of a manifest", () => {
  builds(dockerInstances, testImage({ tools: ["node"] }), docker)

  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("its base is what is here, unless the policy says to ask for a newer one", () =>
      Effect.gen(function* () {
        const { context, write } = yield* contextFolder
        yield* forgetBuilds(docker, context)
        // Nothing answers there.
        const base = `127.0.0.1:1/bot-bottle-test/base:${process.pid}`
        docker("tag", yield* testImage({ tools: [] }), base)
        yield* Effect.addFinalizer(() => Effect.sync(() => docker("image", "rm", base)))
        write({ Dockerfile: `FROM ${base}\n` })
        const { first } = yield* dockerInstances()
        yield* first.ensureImage(buildPlan(context))
        expect(
          (yield* Effect.flip(first.ensureImage(buildPlan(context, { pull: "always" })))).message,
        ).toMatch(/build of .* failed: .*127\.0\.0\.1:1/)
      }),
    )

    it.scoped("a builder that hangs is given up, and with it what it was at", () =>
      Effect.gen(function* () {
        const base = yield* testImage({ tools: [] })
        const { context, write } = yield* contextFolder
        const mark = `hang-${process.pid}-${++counter}`
        write({ Dockerfile: `FROM ${base}\nRUN echo before && echo ${mark} >/tmp/x && sleep 300\n` })
        const { first } = yield* dockerInstances({ buildSilence: Duration.seconds(3) })
        expect((yield* Effect.flip(first.ensureImage(buildPlan(context)))).message).toMatch(
          /said nothing for 3s[\s\S]*\| before/,
        )
        yield* Effect.promise(() =>
          expect.poll(() => docker("ps", "--no-trunc", "--format", "{{.Command}}")).not.toContain(mark),
        )
      }),
    )
  })
})

/** A client of docker's that has BuildKit: the newer ones need a plugin for it. */
const withBuildKit = (process.env["PATH"] ?? "")
  .split(":")
  .map((folder) => join(folder, "docker"))
  .find((program) => {
    const { status, stdout } = spawnSync(program, ["build", "--quiet", "-"], {
      input: `FROM scratch\nLABEL bot-bottle-test=${process.pid}\n`,
      encoding: "utf8",
      env: { ...process.env, DOCKER_BUILDKIT: "1" },
    })
    if (status === 0) spawnSync(program, ["image", "rm", stdout.trim()])
    return status === 0
  })

describeDocker("what docker builds of a manifest by BuildKit", () => {
  if (withBuildKit === undefined) {
    if (process.env["CI_REQUIRE_DOCKER"] === "1")
      return void it("has BuildKit", () => expect.fail("no client of docker has it"))
    process.stderr.write("\n*** NO CLIENT OF docker HAS BuildKit HERE: its tests are SKIPPED ***\n\n")
    return void it.skip("needs BuildKit", () => undefined)
  }
  const options = {
    dialect: { ...dockerDialect, program: withBuildKit },
    env: { ...process.env, DOCKER_BUILDKIT: "1" },
  }
  builds(() => dockerInstances(options), testImage({ tools: ["node"] }), docker)
})

describePodman("what podman builds of a manifest", (podman) => {
  builds(podman.instances, podman.image(), podman.run)
})

layer(NodeProcessRunner.layer, { excludeTestServices: true })(
  "backends without images of their own",
  (it) => {
    it.scoped("refuse a build", () =>
      Effect.gen(function* () {
        for (const make of [HostBackend.make, SmolvmBackend.make]) {
          const backend = yield* make
          expect((yield* Effect.flip(backend.accepts(buildPlan("/srv/box")))).message).toMatch(
            /launch refused: .*build: \/srv\/box/,
          )
        }
      }),
    )
  },
)
