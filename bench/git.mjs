// The git gate against the forge itself: a push of many files, and a clone.
import { Effect, Layer, Stream } from "effect"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { Sidecar } from "../dist/index.js"
import * as Home from "../dist/exports/Home.js"
import * as NodeProcessRunner from "../dist/exports/NodeProcessRunner.js"
import * as SidecarProcess from "../dist/exports/SidecarProcess.js"
import { GiteaSimulator } from "../dist/exports/testing.js"
import { makeScanner } from "../dist/layers/scanner/ChildScanner.js"
import { frameOf } from "../dist/domain/ScanFrames.js"
import * as GitServer from "../dist/simulator/gitServer.js"
import { forward, run } from "./children.mjs"
import { issueOf, sidecarConfig, TOKEN } from "./fixtures.mjs"
import { compare, takeTurns, timed } from "./measure.mjs"

const ISSUE = 17
const SLUG = "bench-aaaaa"
const FILES = 1000

const ENV = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "bot",
  GIT_AUTHOR_EMAIL: "bot@example.com",
  GIT_COMMITTER_NAME: "bot",
  GIT_COMMITTER_EMAIL: "bot@example.com",
}

const git = (cwd, ...args) => run("git", ["-c", "gc.auto=0", ...args], { cwd, env: ENV })

const pathOf = (file) => `src/part${file % 20}/file${file}.txt`

/** A file as a program is: many lines, of which each version changes some. */
const textOf = (file, version) =>
  Array.from({ length: 40 }, (_, line) =>
    line % 4 === 0
      ? `export const value${line} = ${file * 1000 + version}`
      : `  // line ${line} of file ${file}`,
  ).join("\n")

/** Changes the first of its files. */
const commitFiles = async (clone, version, count) => {
  for (let file = 0; file < count; file += 1) {
    const path = join(clone, pathOf(file))
    if (version === 0) mkdirSync(join(path, ".."), { recursive: true })
    writeFileSync(path, textOf(file, version))
  }
  await git(clone, "add", "-A")
  await git(clone, "commit", "-q", "-m", `version ${version}`)
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** A repository that is asked directly, and one behind a gate: a gate would fetch what was pushed to its own directly. */
const DIRECT = "direct"
const GATED = "tool"

/** A forge with both repositories, the addresses at which they are asked, and where they are. */
const gate = (context) =>
  Effect.gen(function* () {
    const root = context.directory("repositories")
    const repositories = yield* GitServer.make(root)
    const forge = yield* GiteaSimulator.make(
      {
        users: [{ login: "bot", token: TOKEN }],
        repos: [DIRECT, GATED].map((name) => ({
          owner: "acme",
          name,
          collaborators: { bot: "write" },
          issues: [issueOf(ISSUE)],
        })),
      },
      { mounts: [repositories.mount] },
    )
    for (const name of [DIRECT, GATED]) yield* repositories.create("acme", name)
    const urlOf = (name) => `${forge.url}/acme/${name}.git`
    const config = {
      ...sidecarConfig(SLUG, forge.apiUrl, ISSUE),
      push: [`refs/heads/bot-bottle/${SLUG}`],
      git: { app: { url: urlOf(GATED), key: { provider: "gitea" }, private: true } },
    }
    const handle = yield* Effect.acquireRelease((yield* Sidecar).launch(config), (handle) =>
      Effect.ignore(handle.stop),
    )
    const port = yield* Effect.promise(freePort)
    yield* Effect.acquireRelease(
      Effect.promise(() => forward(handle.socketPath, port)),
      (forwarder) => Effect.promise(() => forwarder.stop()),
    )
    return {
      bare: [DIRECT, GATED].map((name) => repositories.directory("acme", name)),
      direct: urlOf(DIRECT).replace("http://", `http://bot:${TOKEN}@`),
      gated: `http://127.0.0.1:${port}/git/app.git`,
    }
  })

/** What the scan of such a push takes by itself. */
const scanOf = (scanner, version) =>
  timed(() =>
    Effect.runPromise(
      scanner.scan(
        Stream.fromIterable(
          Array.from({ length: FILES }, (_, file) =>
            frameOf(`${file}`.padStart(40, "0"), textOf(file, version)),
          ),
        ),
      ),
    ),
  )

const measured = (context, { bare, direct, gated }, scanner) =>
  Effect.promise(async () => {
    const directory = context.directory("clones")
    const seed = join(directory, "seed")
    await git(directory, "init", "-q", "-b", "main", "seed")
    await commitFiles(seed, 0, FILES)
    for (const repository of bare) await git(seed, "push", "-q", repository, "main")
    const clones = { direct: join(directory, "direct"), gated: join(directory, "gated") }
    await git(directory, "clone", "-q", direct, clones.direct)
    await git(clones.direct, "checkout", "-q", "-b", "work")
    await git(directory, "clone", "-q", gated, clones.gated)
    await git(clones.gated, "checkout", "-q", "-b", `bot-bottle/${SLUG}`)
    const versions = { direct: 0, gated: 0, scan: 0 }
    const push = async (how, count) => {
      await commitFiles(clones[how], (versions[how] += 1), count)
      return timed(() => git(clones[how], "push", "-q", "origin", "HEAD"))
    }
    const clone = async (url) => {
      const into = join(directory, "again")
      const time = await timed(() => git(directory, "clone", "-q", url, into))
      rmSync(into, { recursive: true })
      return time
    }
    const turns = { context, rounds: context.quick ? 3 : 9, warmups: 1 }
    const pushes = await takeTurns(
      {
        direct: () => push("direct", FILES),
        gated: () => push("gated", FILES),
        scan: () => scanOf(scanner, (versions.scan += 1)),
      },
      turns,
    )
    const small = await takeTurns({ direct: () => push("direct", 1), gated: () => push("gated", 1) }, turns)
    const clones_ = await takeTurns({ direct: () => clone(direct), gated: () => clone(gated) }, turns)
    return { pushes, small, clones: clones_ }
  })

/** Pushes of a commit that changes a thousand files, with the scan apart, and of one that changes one; and a clone of them. */
export const gitGate = (context) =>
  Effect.gen(function* () {
    const at = yield* gate(context)
    const scanner = yield* makeScanner({ secrets: [TOKEN], workDirectory: context.directory("scan") })
    const { pushes, small, clones } = yield* measured(context, at, scanner)
    const row = (name, floorName, floor, ours, aim) =>
      compare({ name, floorName, unit: "ms", floor, ours, aim })
    const { direct, gated, scan } = pushes
    return [
      row(
        `push of ${FILES} files, without the scan`,
        "a direct push",
        direct,
        gated.map((time, turn) => time - scan[turn]),
        1.7,
      ),
      row("the scan of that push, by itself", "a direct push", direct, scan),
      row(`push of ${FILES} files, with all`, "a direct push", direct, gated, 2.4),
      row("push of one file, with all", "a direct push", small.direct, small.gated),
      row(`clone of ${FILES} files`, "a direct clone", clones.direct, clones.gated, 1.2),
    ]
  }).pipe(
    Effect.scoped,
    Effect.provide(
      SidecarProcess.layer.pipe(
        Layer.provideMerge(NodeProcessRunner.layer),
        Layer.provide(Layer.succeed(Home.Home, Home.homeAt(context.directory("git")))),
      ),
    ),
    Effect.runPromise,
  )
