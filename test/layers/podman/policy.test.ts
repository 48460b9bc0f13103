import { expect, it as test, layer } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { qualified } from "../../../src/layers/podman/dialect.ts"
import { makeWith as makeDocker } from "../../../src/layers/docker/DockerBackend.ts"
import { makeWith } from "../../../src/layers/podman/PodmanBackend.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { imageWithAccounts, uidOf } from "../../support/accounts.ts"
import { shellPlan } from "../../support/docker.ts"
import { serveNeck } from "../../support/neck.ts"
import { describePodman } from "../../support/podman.ts"

let counter = 0
const newSlug = () => `podman-policy-${process.pid}-${++counter}`

test("a short name of an image is pulled as docker would", () => {
  expect(
    ["node:22", "me/agent", "localhost/mine:1", "ghcr.io/a/b", "host:5000/a", "docker.io/library/x"].map(
      qualified,
    ),
  ).toEqual([
    "docker.io/library/node:22",
    "docker.io/me/agent",
    "localhost/mine:1",
    "ghcr.io/a/b",
    "host:5000/a",
    "docker.io/library/x",
  ])
})

layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
  it.effect(
    "an engine on another machine is refused before anything is asked of it, without its user's name",
    () =>
      Effect.gen(function* () {
        for (const DOCKER_HOST of ["ssh://me:secret@build.example", "tcp://10.1.2.3:2376"]) {
          const backend = yield* makeDocker({ env: { DOCKER_HOST } })
          const error = yield* Effect.flip(backend.check)
          expect(error.message).toContain("run bot-bottle on that machine")
          expect(error.message).not.toContain("secret")
          expect(yield* Effect.flip(backend.list)).toMatchObject({ _tag: "BackendUnavailable" })
        }
        for (const [name, value] of [
          ["CONTAINER_HOST", "ssh://me:secret@build.example/run/podman/podman.sock"],
          ["CONTAINER_HOST", "tcp://127.0.0.1:8888"],
          ["CONTAINER_CONNECTION", "build"],
        ] as const) {
          const service = yield* makeWith({ env: { [name]: value } })
          expect((yield* Effect.flip(service.check)).message).toContain(`${name} makes podman a client`)
        }
      }),
  )

  it.effect("an engine on a loopback port may see our files, and is asked", () =>
    Effect.gen(function* () {
      const backend = yield* makeDocker({ env: { DOCKER_HOST: "tcp://127.0.0.1:1" } })
      expect((yield* Effect.flip(backend.check)).message).toContain("no docker engine answers")
    }),
  )
})

describePodman("what a podman backend refuses, says and keeps", (podman) => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("images of root, with a VOLUME, without a named user or missing are refused", () =>
      Effect.gen(function* () {
        const { first } = yield* podman.instances()
        const refused = (image: string) => {
          const plan = shellPlan(newSlug(), image, "true", { backend: "podman" })
          return Effect.flip(Effect.zipRight(first.ensureImage(plan), first.create(plan)))
        }
        const image = (options: Parameters<typeof podman.image>[0]) =>
          Effect.flatMap(podman.image(options), refused)
        expect((yield* image({ user: "" })).message).toContain("runs as root")
        expect((yield* image({ volume: "/data" })).message).toContain("VOLUME /data")
        expect((yield* image({ user: "no-such-user" })).message).toContain('no user "no-such-user"')
        expect(yield* refused("localhost/none:1")).toMatchObject({
          _tag: "BackendFailure",
          operation: "pull",
        })
        expect(podman.run("ps", "--all", "--quiet")).toBe("")
      }),
    )

    it.scoped(
      "a user that is root by the image's accounts, or by another spelling, is refused as root is",
      () =>
        Effect.gen(function* () {
          const { first } = yield* podman.instances()
          const base = yield* podman.image()
          const plain = yield* imageWithAccounts(podman.run, base)
          const linked = yield* imageWithAccounts(podman.run, base, { linked: true })
          const uid = (image: string, user?: string) =>
            uidOf(
              podman.run,
              first,
              shellPlan(newSlug(), image, "true", { backend: "podman", ...(user !== undefined && { user }) }),
            )
          for (const user of ["toor", "zeros", "000:000"])
            expect([user, yield* uid(plain, user)]).toEqual([user, "refused"])
          for (const user of ["twice", "1000:1000"])
            expect([user, yield* uid(plain, user)]).toEqual([user, "1000"])
          expect(yield* uid(plain, "root")).toBe("0")
          expect([yield* uid(linked, "toor"), yield* uid(linked, "twice")]).toEqual(["refused", "1000"])
          for (const user of ["toor", "000:000"]) {
            const image = yield* imageWithAccounts(podman.run, base, { user })
            expect([user, yield* uid(image)]).toEqual([user, "refused"])
          }
        }),
      180_000,
    )

    it.scoped("an image without a shell, and one without a way to the neck, are told as such", () =>
      Effect.gen(function* () {
        const { home, first } = yield* podman.instances()
        execFileSync("podman", ["import", "--change", "USER 1000:1000", "-", "localhost/empty:1"], {
          env: { ...process.env, ...podman.env },
          input: execFileSync("tar", ["-c", "--files-from", "/dev/null"]),
          stdio: ["pipe", "ignore", "ignore"],
        })
        const deaf = yield* podman.image({ tools: [] })
        const tries = [
          ["localhost/empty:1", "no /bin/sh"],
          [deaf, "perl, python3, socat or node"],
        ] as const
        for (const [image, reason] of tries) {
          const plan = shellPlan(newSlug(), image, "true", { backend: "podman" })
          yield* serveNeck(home, plan.slug)
          yield* first.create(plan)
          yield* first.start(plan.slug)
          expect((yield* Effect.flip(first.wait(plan.slug))).message).toContain(reason)
          yield* first.destroy(plan.slug)
        }
      }),
    )

    it.scoped(
      "beyond the layer limit a bottle keeps files, modes, owners and environment; a user by name stays",
      () =>
        Effect.gen(function* () {
          const odd = "a=b:c"
          const image = yield* podman.image({ user: "agent", changes: [`ENV ODD=${odd}`] })
          const { home, first } = yield* podman.instances({ maxLayers: 3 })
          const slug = newSlug()
          const script = `echo "$BOT_BOTTLE_RUN" >>runs; [ -e run.sh ] || { echo x >run.sh; chmod 751 run.sh; }; ls -ln run.sh; id -u; wc -l <runs; printf '%s' "$ODD"`
          let plan = shellPlan(slug, image, script, { backend: "podman" })
          yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(plan.slug)))
          let last = ""
          for (let run = 1; run <= 5; run++) {
            yield* serveNeck(home, slug)
            const { user } = yield* first.create(plan)
            expect(user).toBe("1000:1000")
            yield* first.start(plan.slug)
            last = yield* first.output(plan.slug, run).pipe(
              Stream.map(({ bytes }) => Buffer.from(bytes).toString("utf8")),
              Stream.mkString,
            )
            const artifact = yield* first.freeze(plan.slug, run)
            yield* first.remove(plan.slug)
            yield* first.removeArtifacts(plan.slug, Option.some(artifact))
            expect(
              JSON.parse(podman.run("image", "inspect", artifact))[0].RootFS.Layers.length,
            ).toBeLessThanOrEqual(3)
            plan = shellPlan(slug, artifact, script, {
              backend: "podman",
              rehydrate: true,
              run: run + 1,
              user,
            })
          }
          expect(last).toMatch(/^-rwxr-x--x +\d+ 1000 +1000/)
          expect(last).toMatch(/\n1000\n\s*5\n/)
          expect(last.endsWith(odd)).toBe(true)
          const ours = podman.run("images", "--format", "{{.Repository}}:{{.Tag}}").split("\n")
          expect(ours.filter((name) => name.includes(slug))).toEqual([plan.image])
        }),
    )

    it.scoped("what a repeated freeze leaves of one bottle is removed, and another's is not", () =>
      Effect.gen(function* () {
        const image = yield* podman.image()
        const { home, first } = yield* podman.instances()
        const frozenTwice = Effect.gen(function* () {
          const { slug, ...plan } = shellPlan(newSlug(), image, "true", { backend: "podman" })
          yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(slug)))
          yield* serveNeck(home, slug)
          yield* first.create({ slug, ...plan })
          yield* first.start(slug)
          yield* first.wait(slug)
          yield* first.freeze(slug, 1)
          return { slug, artifact: yield* first.freeze(slug, 1) }
        })
        const [one, other] = [yield* frozenTwice, yield* frozenTwice]
        const untagged = () =>
          podman.run("images", "--quiet", "--filter", "dangling=true").split("\n").filter(Boolean)
        expect(untagged()).toHaveLength(2)
        yield* first.removeArtifacts(one.slug, Option.some(one.artifact))
        expect(untagged()).toHaveLength(1)
        yield* first.destroy(one.slug)
        const left = podman.run("images", "--format", "{{.Repository}}:{{.Tag}}")
        expect(left).toContain(other.artifact)
        expect(left).not.toContain(one.artifact)
      }),
    )
  })
})
