import { expect, layer } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe } from "vitest"
import { docker as dockerDialect } from "../../../src/layers/docker/dialect.ts"
import type { DockerOptions } from "../../../src/layers/docker/DockerBackend.ts"
import { makeWith } from "../../../src/layers/docker/DockerBackend.ts"
import { listWorkspace } from "../../../src/layers/git/workspace.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import { installationId } from "../../../src/layers/home/installation.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { cuttableEngine, DOCKER_SOCKET } from "../../support/cuttableEngine.ts"
import { TRANSPORTS, describeDocker, docker, dockerInstances, shellPlan } from "../../support/docker.ts"
import { demoImageForTests } from "../../support/images.ts"
import { serveNeck } from "../../support/neck.ts"
import { tempDir } from "../../support/tempDir.ts"

let counter = 0
const setUp = (script: string, options: DockerOptions = {}) =>
  Effect.gen(function* () {
    const image = yield* Effect.promise(demoImageForTests)
    const { home, first, second } = yield* dockerInstances(options)
    const plan = shellPlan(`faults-${process.pid}-${++counter}`, image, script)
    const { slug } = plan
    yield* Effect.addFinalizer(() => Effect.ignore(first.destroy(slug)))
    yield* serveNeck(home, slug)
    return { home, first, second, plan, slug }
  })

const containerOf = (slug: string) => docker("ps", "-aq", "--filter", `label=bot-bottle.slug=${slug}`)

/** Kills the client that is attached to a bottle. */
const killClient = (slug: string): void => {
  const client = readdirSync("/proc").find((pid) => {
    const { stdout } = spawnSync("cat", [`/proc/${pid}/cmdline`], { encoding: "utf8" })
    return /^\d+$/.test(pid) && stdout.includes("--attach") && stdout.includes(slug)
  })
  if (client === undefined) throw new Error(`no client is attached to ${slug}`)
  process.kill(Number(client), "SIGKILL")
}

describeDocker("faults of a docker backend", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("an image without a shell is told as such", () =>
      Effect.gen(function* () {
        const { first, plan, slug } = yield* setUp("true")
        const empty = `bot-bottle-test/empty:${process.pid}`
        yield* Effect.addFinalizer(() => Effect.sync(() => spawnSync("docker", ["image", "rm", "-f", empty])))
        execFileSync("docker", ["import", "--change", "USER 1000:1000", "-", empty], {
          input: execFileSync("tar", ["-c", "--files-from", "/dev/null"]),
        })
        yield* first.create({ ...plan, image: empty })
        yield* first.start(slug)
        expect(yield* Effect.flip(first.wait(slug))).toMatchObject({
          _tag: "BackendFailure",
          reason: expect.stringContaining("no /bin/sh"),
        })
      }),
    )

    it.scoped.each(TRANSPORTS)(
      "over its %s: a bottle whose output is cut off runs on, and the output ends with an error",
      (transport) =>
        Effect.gen(function* () {
          const { url, cutReaders } = yield* cuttableEngine(DOCKER_SOCKET)
          const env = { DOCKER_HOST: url }
          const { first, second, plan, slug } = yield* setUp("echo one; sleep 60", { transport, env })
          yield* first.create(plan)
          yield* first.start(slug)
          const cut = transport === "socket" ? cutReaders : () => killClient(slug)
          const read = first.output(slug, 1).pipe(
            Stream.tap(() => Effect.sync(cut)),
            Stream.runDrain,
          )
          expect(yield* Effect.flip(read)).toMatchObject({ _tag: "BackendFailure", operation: "output" })
          expect(Option.getOrThrow(yield* first.inspect(slug)).state).toBe("running")
          const again = yield* Stream.runHead(second.output(slug, 1))
          expect(Buffer.from(Option.getOrThrow(again).bytes).toString()).toBe("one\n")
        }),
    )

    it.scoped("two who read at once both get all, and what is kept is whole", () =>
      Effect.gen(function* () {
        const { home, first, second, plan, slug } = yield* setUp("echo one; sleep 0.3; echo two")
        yield* first.create(plan)
        yield* first.start(slug)
        const text = (bytes: Iterable<{ readonly bytes: Uint8Array }>) =>
          Buffer.concat([...bytes].map((chunk) => chunk.bytes)).toString()
        const heard = yield* Effect.all(
          [Stream.runCollect(first.output(slug, 1)), Stream.runCollect(second.output(slug, 1))],
          { concurrency: 2 },
        )
        expect(heard.map(text)).toEqual(["one\ntwo\n", "one\ntwo\n"])
        expect(readFileSync(home.of(slug).output(1), "utf8")).toBe("one\ntwo\n")
        expect(readdirSync(home.of(slug).state).toSorted()).toEqual(["output-1.log", "output-1.log.times"])
      }),
    )

    it.scoped("what a killed freeze left is no hindrance to the next, and goes with the bottle", () =>
      Effect.gen(function* () {
        const { first, plan, slug } = yield* setUp("echo x >file", { maxLayers: 1 })
        yield* first.create(plan)
        yield* first.start(slug)
        yield* first.wait(slug)
        const [container = ""] = docker(
          "ps",
          "-a",
          "--format",
          "{{.Names}}",
          "--filter",
          `label=bot-bottle.slug=${slug}`,
        ).split("\n")
        docker("create", "--name", `${container}.flat`, plan.image, "true")
        const artifact = yield* first.freeze(slug, 1)
        expect(yield* first.freeze(slug, 1)).toBe(artifact)
        docker("commit", "--change", `LABEL bot-bottle.slug=${slug}`, container)
        yield* first.destroy(slug)
        expect(containerOf(slug)).toBe("")
        expect(docker("images", "-q", "--filter", `label=bot-bottle.slug=${slug}`)).toBe("")
      }),
    )

    it.scoped("the working directory is copied on the first run, and belongs to the agent", () =>
      Effect.gen(function* () {
        const { first, plan, slug } = yield* setUp(
          "ls -ln tool; cat tool; echo more >>tool && echo ok >new && cat new",
        )
        const dir = yield* tempDir
        writeFileSync(join(dir, "tool"), "content\n", { mode: 0o755 })
        execFileSync("git", ["init", "-q", dir])
        const workspace = yield* listWorkspace(dir)
        yield* first.create({ ...plan, workspace })
        yield* first.start(slug)
        const output = yield* first.output(slug, 1).pipe(
          Stream.map(({ bytes }) => Buffer.from(bytes).toString()),
          Stream.mkString,
        )
        expect(output).toMatch(/^-rwxr-xr-x +\d+ 1000 +1000 .*\ncontent\nok\n$/)
      }),
    )

    it.scoped("a paused bottle runs, and is removed like any other", () =>
      Effect.gen(function* () {
        const { first, plan, slug } = yield* setUp("sleep 60")
        yield* first.create(plan)
        yield* first.start(slug)
        docker("pause", containerOf(slug))
        expect(Option.getOrThrow(yield* first.inspect(slug)).state).toBe("running")
        yield* first.destroy(slug)
        expect(containerOf(slug)).toBe("")
      }),
    )

    it.scoped("an agent that takes too much memory ends with 137 and is told as out of memory", () =>
      Effect.gen(function* () {
        const { first, plan, slug } = yield* setUp(
          "exec node -e 'const a = []; for (;;) a.push(Buffer.alloc(16e6, 1))'",
        )
        yield* first.create(plan)
        yield* first.start(slug)
        expect(yield* first.wait(slug)).toBe(137)
        expect(Option.getOrThrow(yield* first.inspect(slug))).toMatchObject({
          exitCode: 137,
          outOfMemory: true,
        })
      }),
    )
  })
})

describe("without docker", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("a missing program is told as such", () =>
      Effect.gen(function* () {
        const backend = yield* Effect.provideService(
          makeWith({ dialect: { ...dockerDialect, program: "no-such-docker" } }),
          Home,
          homeAt(yield* tempDir),
        )
        expect(yield* Effect.flip(backend.check)).toMatchObject({
          _tag: "BackendUnavailable",
          reason: expect.stringContaining("install the docker command line"),
        })
      }),
    )

    it.scoped("of many that make the installation's id at once all get the same", () =>
      Effect.gen(function* () {
        const home = homeAt(yield* tempDir)
        const ids = yield* Effect.all(
          Array.from({ length: 20 }, () => installationId(home)),
          { concurrency: "unbounded" },
        )
        expect(new Set(ids).size).toBe(1)
      }),
    )
  })
})
