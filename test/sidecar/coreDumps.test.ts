/** What is left of a sidecar's memory when it is killed: nothing. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { spawn } from "node:child_process"
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { Slug } from "../../src/domain/Slug.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import { packageFile } from "../../src/layers/home/packageRoot.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { askStatus } from "../../src/sidecar/http/control.ts"
import * as SidecarProcess from "../../src/layers/sidecar/SidecarProcess.ts"
import { Sidecar } from "../../src/services/Sidecar.ts"
import { documentIn } from "../support/sidecarProcess.ts"
import { tempDir } from "../support/tempDir.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"
const OFF = /^Max core file size\s+0\s+0\s/m

const limitsOf = (pid: number) => readFileSync(`/proc/${pid}/limits`, "utf8")

/** By hand, from a shell with core dumps on: the worst that its launcher can do. */
const startByHand = (directory: string, document: unknown) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof spawn>>((resume) => {
      const child = spawn(
        "/bin/sh",
        [
          "-c",
          'ulimit -S -c "$(ulimit -H -c)"; exec "$0" "$@"',
          process.execPath,
          packageFile("dist", "bin", "sidecar.cjs"),
          "serve",
        ],
        { cwd: directory, stdio: ["pipe", "pipe", "ignore"] },
      )
      child.stdout?.once("data", () => resume(Effect.succeed(child)))
      child.stdin?.end(JSON.stringify(document))
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL")),
  )

/** A sidecar as a launch starts it; it ends with the scope. */
const launchedPid = Effect.gen(function* () {
  const home = homeAt(yield* tempDir)
  const layer = SidecarProcess.layer.pipe(
    Layer.provide(NodeProcessRunner.layer),
    Layer.provide(Layer.succeed(Home, home)),
  )
  const sidecar = yield* Effect.provide(Sidecar, layer)
  const config = {
    slug: Slug.make("door-abcde"),
    push: [],
    routes: {},
    egress: { allow: [] },
    git: {},
    loopback: false,
  }
  const handle = yield* Effect.acquireRelease(sidecar.launch(config), ({ stop }) => Effect.ignore(stop))
  const status = yield* askStatus(home.of(handle.slug).controlSocket)
  return Option.getOrThrow(status).pid
})

describe("core dumps of a sidecar", () => {
  it.scopedLive("are off in the process that a launch starts, softly and hard", () =>
    Effect.gen(function* () {
      expect(limitsOf(yield* launchedPid)).toMatch(OFF)
    }),
  )

  it.scopedLive("are off by its launcher already, where there is no prlimit", () =>
    Effect.gen(function* () {
      const { PATH } = process.env
      const empty = yield* tempDir
      yield* Effect.acquireRelease(
        Effect.sync(() => (process.env["PATH"] = empty)),
        () => Effect.sync(() => (process.env["PATH"] = PATH)),
      )
      expect(limitsOf(yield* launchedPid)).toMatch(OFF)
    }),
  )

  it.scopedLive("are off when it is started by hand, before it has read its document", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const child = yield* startByHand(directory, documentIn(directory))
      expect(limitsOf(child.pid ?? 0)).toMatch(OFF)
      expect(readFileSync(`/proc/${child.pid}/coredump_filter`, "utf8")).toBe("00000000\n")
    }),
  )

  it.scopedLive("leave nothing of the token where it is killed with core dumps on", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const forge = {
        apiUrl: "http://127.0.0.1:1/api/v1",
        owner: "ada",
        repo: "cellar",
        token: TOKEN,
        issueNumber: 17,
      }
      const child = yield* startByHand(directory, documentIn(directory, { forge }))
      const ended = Effect.async<void>((resume) => void child.once("exit", () => resume(Effect.void)))
      child.kill("SIGABRT")
      yield* ended
      const dumps = readdirSync(directory).filter((name) => name.startsWith("core"))
      expect(dumps.filter((name) => readFileSync(join(directory, name)).includes(TOKEN))).toEqual([])
    }),
  )
})
