import { expect, it, layer } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { podman as dialect } from "../../../src/layers/podman/dialect.ts"
import type { PodmanOptions } from "../../../src/layers/podman/PodmanBackend.ts"
import { makeWith as makeDockerLike } from "../../../src/layers/docker/DockerBackend.ts"
import { apiAt } from "../../../src/layers/docker/api.ts"
import { Home } from "../../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { cuttableEngine } from "../../support/cuttableEngine.ts"
import { shellPlan } from "../../support/docker.ts"
import { serveNeck } from "../../support/neck.ts"
import type { TestPodman } from "../../support/podman.ts"
import { describePodman } from "../../support/podman.ts"
import { tempDir } from "../../support/tempDir.ts"

let counter = 0

const otherEngine = dialect.otherEngine ?? (() => Option.none())

/** A created bottle. */
const setUp = (podman: TestPodman, script: string, options: PodmanOptions = {}) =>
  Effect.gen(function* () {
    const image = yield* podman.image()
    const { home, first, second } = yield* podman.instances(options)
    const plan = shellPlan(`podman-service-${process.pid}-${++counter}`, image, script, { backend: "podman" })
    const { slug } = plan
    yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(slug)))
    yield* serveNeck(home, slug)
    yield* first.create(plan)
    const container = podman.containerOf(slug)
    return { first, second, plan, slug, container }
  })

const textOf = <E>(output: Stream.Stream<{ readonly bytes: Uint8Array }, E>) =>
  Stream.mkString(Stream.map(output, ({ bytes }) => Buffer.from(bytes).toString("utf8")))

/** Processes of podman's command line that follow a container. */
const clients = (container: string) =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/cmdline`)) return false
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
      return args[0] === "podman" && args.includes(container)
    } catch {
      return false
    }
  })

const podmanAt = (podman: TestPodman, url: string) => ({ ...podman.env, CONTAINER_HOST: url })

/** podman with a service in the usual place of its user. */
const withUsual = (podman: TestPodman, socket: string) =>
  makeDockerLike({
    env: podman.env,
    dialect: { ...dialect, url: () => ({ url: `unix://${socket}`, optional: true }) },
  })

describePodman("over podman's service", (podman) => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("no process of podman's command line follows a bottle", () =>
      Effect.gen(function* () {
        const script = "echo one; sleep 60"
        const socket = yield* podman.serve()
        const over = yield* setUp(podman, script, { env: podmanAt(podman, `unix://${socket}`) })
        yield* over.first.start(over.slug)
        yield* Effect.fork(over.first.wait(over.slug))
        expect(Option.isSome(yield* Stream.runHead(over.first.output(over.slug, 1)))).toBe(true)
        expect(clients(over.container)).toEqual([])
        const without = yield* setUp(podman, script)
        yield* without.first.start(without.slug)
        expect(clients(without.container).length).toBe(1)
      }),
    )

    it.scoped("a bottle whose output is cut off runs on, and the output ends with an error", () =>
      Effect.gen(function* () {
        const { url, cutReaders } = yield* cuttableEngine(yield* podman.serve())
        const { first, second, slug } = yield* setUp(podman, "echo one; sleep 60", {
          env: podmanAt(podman, url),
        })
        yield* first.start(slug)
        const read = first.output(slug, 1).pipe(
          Stream.tap(() => Effect.sync(cutReaders)),
          Stream.runDrain,
        )
        expect(yield* Effect.flip(read)).toMatchObject({ _tag: "BackendFailure", operation: "output" })
        expect(Option.getOrThrow(yield* first.inspect(slug)).state).toBe("running")
        const again = yield* Stream.runHead(second.output(slug, 1))
        expect(Buffer.from(Option.getOrThrow(again).bytes).toString()).toBe("one\n")
      }),
    )

    it.scoped("a start that was killed half-way is repeated, or the bottle is made anew", () =>
      Effect.gen(function* () {
        const env = podmanAt(podman, `unix://${yield* podman.serve()}`)
        for (const anew of [false, true]) {
          const { second, plan, slug, container } = yield* setUp(podman, "echo it runs", { env })
          podman.run("init", container)
          expect(Option.getOrThrow(yield* second.inspect(slug)).state).toBe("created")
          if (anew) yield* second.create(plan)
          yield* second.start(slug)
          expect(yield* textOf(second.output(slug, 1))).toBe("it runs\n")
          expect(yield* second.wait(slug)).toBe(0)
        }
      }),
    )

    it.scoped("what the service's own configuration adds to containers is in no bottle", () =>
      Effect.gen(function* () {
        const dir = yield* tempDir
        const hooks = join(dir, "hooks")
        const [ran, hook] = [join(dir, "ran"), join(dir, "hook")]
        mkdirSync(hooks)
        writeFileSync(hook, `#!/bin/sh\necho ran >>${ran}\n`)
        chmodSync(hook, 0o755)
        writeFileSync(
          join(hooks, "hook.json"),
          JSON.stringify({
            version: "1.0.0",
            hook: { path: hook },
            when: { always: true },
            stages: ["prestart"],
          }),
        )
        const own = readFileSync(podman.env["CONTAINERS_CONF"] ?? "", "utf8")
        const configuration = join(dir, "containers.conf")
        writeFileSync(
          configuration,
          `${own}hooks_dir = ["${hooks}"]\n`.replace("[containers]", '[containers]\nenv = ["LEAKED=1"]'),
        )
        const socket = yield* podman.serve({ CONTAINERS_CONF: configuration })
        const { first, slug, container } = yield* setUp(podman, 'echo "leaked: $LEAKED"', {
          env: podmanAt(podman, `unix://${socket}`),
        })
        yield* first.start(slug)
        expect(yield* textOf(first.output(slug, 1))).toBe("leaked: \n")
        expect(existsSync(ran)).toBe(false)
        // The hook works: the service runs it for a container that it prepares itself.
        const other = podman.run(
          "create",
          "--network",
          "none",
          podman.run("inspect", "--format", "{{.Image}}", container),
          "true",
        )
        yield* apiAt(socket, dialect.apiPrefix).call("POST", `/containers/${other}/start`)
        expect(readFileSync(ran, "utf8")).toBe("ran\n")
      }),
    )
  })
})

describePodman("which podman a service is", (podman) => {
  /** A configuration file of the test's own, made of the podman's. */
  const configured = (variable: string, change: (text: string, dir: string) => string) =>
    Effect.map(tempDir, (dir) => {
      const file = join(dir, "changed.conf")
      writeFileSync(file, change(readFileSync(podman.env[variable] ?? "", "utf8"), dir))
      return { [variable]: file }
    })

  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("one that cannot stand for it is refused when it was chosen, and else left alone", () =>
      Effect.gen(function* () {
        const elsewhere = yield* configured("CONTAINERS_STORAGE_CONF", (text, dir) =>
          text.replace(/"[^"]*\/root"/, `"${dir}/root"`),
        )
        const silent = yield* configured("CONTAINERS_CONF", (text) => `${text}events_logger = "none"\n`)
        const tries = [
          [elsewhere, "has other containers than the podman of this user"],
          [silent, "records no events"],
        ] as const
        for (const [env, reason] of tries) {
          const socket = yield* podman.serve(env)
          const chosen = yield* podman.instances({ env: podmanAt(podman, `unix://${socket}`) })
          for (const refused of [Effect.asVoid(chosen.first.check), Effect.asVoid(chosen.first.list)])
            expect(yield* Effect.flip(refused)).toMatchObject({
              _tag: "BackendUnavailable",
              reason: expect.stringContaining(reason),
            })
          const backend = yield* Effect.provideService(withUsual(podman, socket), Home, chosen.home)
          expect(yield* backend.check).toContain("podman engine")
          expect(yield* backend.list).toEqual([])
        }
      }),
    )

    it.scoped("one that does not answer yet is asked again", () =>
      Effect.gen(function* () {
        const socket = yield* podman.serve()
        const late = join(yield* tempDir, "late.sock")
        const { first } = yield* podman.instances({ env: podmanAt(podman, `unix://${late}`) })
        expect((yield* Effect.flip(first.list)).message).toContain(late)
        symlinkSync(socket, late)
        expect(yield* first.list).toEqual([])
      }),
    )
  })

  it("one on another host is another one, though its folders have the same names", () => {
    const own = JSON.parse(podman.run("info", "--format", "json"))
    const contained = { ...own, host: { ...own.host, hostname: "0123456789ab" } }
    expect(Option.isNone(otherEngine(own, own))).toBe(true)
    expect(Option.isSome(otherEngine(contained, own))).toBe(true)
    expect(Option.isSome(otherEngine("<html>", own))).toBe(true)
  })
})
