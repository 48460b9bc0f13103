/** The git gate of a sidecar in this process, over a simulated Gitea with real repositories, and git as an agent has it. */
import { Effect, Schedule } from "effect"
import { execFile, execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net"
import { dirname, join } from "node:path"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { serve } from "./serve.ts"
import type { SidecarTimes } from "../../src/sidecar/SidecarSettings.ts"
import { decodeDocument } from "../../src/sidecar/SidecarDocument.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../src/simulator/gitServer.ts"
import { tempDir } from "./tempDir.ts"

/** The bot's token. */
export const TOKEN = "8f3a91c0d27be5466f0a9d1c3e7b5a2841dd90fe"

/** How a run of git ended. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const ENV = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "bot",
  GIT_AUTHOR_EMAIL: "bot@example.com",
  GIT_COMMITTER_NAME: "bot",
  GIT_COMMITTER_EMAIL: "bot@example.com",
}

/** Runs git; never fails. */
export const git = (
  cwd: string,
  args: ReadonlyArray<string>,
  options: { readonly env?: Record<string, string>; readonly stdin?: string } = {},
): Effect.Effect<Ran> =>
  Effect.async((resume) => {
    const child = execFile(
      "git",
      args,
      { cwd, env: { ...ENV, ...options.env }, maxBuffer: 1 << 28, timeout: 150_000 },
      (error, stdout, stderr) =>
        resume(Effect.succeed({ code: error === null ? 0 : Number(error.code ?? 128), stdout, stderr })),
    )
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(options.stdin ?? "")
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** The same, and dies when git does not end well. */
export const ok = (
  cwd: string,
  args: ReadonlyArray<string>,
  options: Parameters<typeof git>[2] = {},
): Effect.Effect<string> =>
  Effect.flatMap(git(cwd, args, options), ({ code, stdout, stderr }) =>
    code === 0 ? Effect.succeed(stdout.trim()) : Effect.dieMessage(`git ${args.join(" ")}: ${stderr}`),
  )

/** Writes files and commits them. */
export const commit = (cwd: string, files: Readonly<Record<string, string | Buffer>>, message = "work") =>
  Effect.gen(function* () {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, path)), { recursive: true })
      writeFileSync(join(cwd, path), text)
    }
    yield* ok(cwd, ["add", "-A"])
    yield* ok(cwd, ["commit", "-q", "--allow-empty", "-m", message])
    return yield* ok(cwd, ["rev-parse", "HEAD"])
  })

/** Waits until it is so. */
export const until = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.sync(isSo).pipe(Effect.repeat({ until: (so) => so, schedule: Schedule.spaced(20) }), Effect.asVoid)

/** Waits for a file. */
export const untilThere = (path: string): Effect.Effect<void> => until(() => existsSync(path))

/** Puts a git into a new folder that can be made to stop before a step, as long as it is to. */
export const stoppingGit = Effect.gen(function* () {
  const bin = yield* tempDir
  const [at, pid] = [join(bin, "at"), join(bin, "pid")]
  const real = yield* Effect.sync(() =>
    execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim(),
  )
  writeFileSync(
    join(bin, "git"),
    `#!/bin/sh\nif [ -e ${at} ] && { read -r step < ${at}; [ "$1" = "$step" ] || [ "$1 $2" = "$step" ]; }; then\n  echo $$ > ${pid}.new; mv ${pid}.new ${pid}\n  while [ -e ${at} ]; do sleep 0.05; done\nfi\nexec ${real} "$@"\n`,
    { mode: 0o755 },
  )
  const letGo = Effect.sync(() => rmSync(at, { force: true }))
  yield* Effect.addFinalizer(() => letGo)
  return {
    path: `${bin}:${process.env["PATH"] ?? ""}`,
    /** The next git with that first argument, or those two, stops. */
    stopAt: (step: string) =>
      Effect.sync(() => (rmSync(pid, { force: true }), writeFileSync(at, `${step}\n`))),
    /** Waits until one has; answers its pid. */
    stopped: Effect.map(untilThere(pid), () => Number(readFileSync(pid, "utf8"))),
    letGo,
  }
})

/** A hook of a repository that stops there until it is let go, at the latest when the scope closes. */
export const stoppingHook = (directory: string, name: "pre-receive" | "post-receive", says = "") =>
  Effect.gen(function* () {
    const place = yield* tempDir
    const [hold, begun] = [join(place, "hold"), join(place, "begun")]
    mkdirSync(join(directory, "hooks"), { recursive: true })
    writeFileSync(hold, "")
    const script = `#!/bin/sh\necho "${says}" >&2\n: > ${begun}\nwhile [ -e ${hold} ]; do sleep 0.05; done\n`
    writeFileSync(join(directory, "hooks", name), script, { mode: 0o755 })
    const letGo = Effect.sync(() => rmSync(hold, { force: true }))
    yield* Effect.addFinalizer(() => letGo)
    return { begun: untilThere(begun), letGo }
  })

/** As the forwarder in a bottle: a TCP port whose connections go to the neck's socket. */
export const forwardTo = (socketPath: string) =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const server = createServer((from) => {
      const to = createConnection(socketPath)
      for (const socket of [from, to]) {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("close", () => (from.destroy(), to.destroy(), sockets.delete(socket)))
      }
      from.pipe(to).pipe(from)
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => (sockets.forEach((socket) => socket.destroy()), server.close())),
    )
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

/** The repository `ada/cellar`, with one commit on `main`; `seeded` is a clone with direct access. */
export const cellarIn = (
  repositories: Pick<GitServer.GitServer, "create" | "directory">,
  more: Readonly<Record<string, string>> = {},
) =>
  Effect.gen(function* () {
    yield* repositories.create("ada", "cellar")
    const directory = repositories.directory("ada", "cellar")
    const seeded = yield* tempDir
    yield* ok(seeded, ["init", "-q", "-b", "main"])
    yield* commit(seeded, { "README.md": "cellar\n", ...more }, "first")
    yield* ok(seeded, ["push", "-q", directory, "main"])
    return { directory, seeded }
  })

/** A simulated Gitea that serves `ada/cellar`, with one commit on `main`. */
export const forge = Effect.gen(function* () {
  const root = yield* tempDir
  const repositories = yield* Effect.provide(GitServer.make(root), NodeProcessRunner.layer)
  const sim = yield* GiteaSimulator.make(
    {
      users: [{ login: "bot", token: TOKEN }, { login: "eve", token: "0f".repeat(20) }, { login: "ada" }],
      orgs: [{ name: "bot-bottle", members: ["bot"] }],
      repos: [{ owner: "ada", name: "cellar", private: true, collaborators: { bot: "write" } }],
    },
    { mounts: [repositories.mount] },
  )
  const { directory, seeded } = yield* cellarIn(repositories, { "src/door.ts": "export const door = 1\n" })
  const repo = sim.state.repo("ada", "cellar")
  if (repo === undefined) return yield* Effect.dieMessage("no repository")
  return {
    sim,
    repositories,
    repo,
    directory,
    url: `${sim.url}/ada/cellar.git`,
    /** A clone with direct access, for what others do. */
    seeded,
    refs: Effect.map(git(directory, ["for-each-ref", "--format=%(refname)"]), ({ stdout }) =>
      stdout.trim().split("\n"),
    ),
  }
})

/** A forge as {@link forge} makes it. */
export type Forge = Effect.Effect.Success<typeof forge>

/** A sidecar whose gate `app` leads to that forge. */
export const gate = (
  at: { readonly url: string },
  more: {
    readonly slug?: string
    readonly git?: object
    readonly times?: SidecarTimes
    readonly stores?: string
    readonly stateDir?: string
    /** More of the document. */
    readonly document?: object
  } = {},
) =>
  Effect.gen(function* () {
    const directory = yield* tempDir
    const socketPath = join(directory, "run", "neck", "neck.sock")
    const stateDir = more.stateDir ?? join(directory, "state")
    const slug = more.slug ?? "door-abcde"
    const document = {
      slug,
      socketPath,
      stateDir,
      git: [{ name: "app", url: at.url, credential: TOKEN, private: true, ...more.git }],
      ...(more.stores !== undefined && { gitStores: more.stores }),
      ...more.document,
    }
    const fake = yield* FakeForge.make({ owner: "ada", repo: "cellar" })
    yield* serve(yield* decodeDocument(JSON.stringify(document)), {
      drainMs: 100,
      // A machine with much to do is not an upstream that is silent.
      gitProgressMs: 90_000,
      scanMs: 90_000,
      ...more.times,
    }).pipe(Effect.provide(FakeForge.forges(fake)))
    const neck = yield* forwardTo(socketPath)
    const work = yield* tempDir
    const logText = () => readFileSync(join(stateDir, "operations.jsonl"), "utf8")
    return {
      slug,
      branch: `bot-bottle/${slug}`,
      neck,
      socketPath,
      stateDir,
      url: `${neck}/git/app.git`,
      logText,
      entries: () =>
        logText()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      /** What is left of pushes. */
      leftOver: () =>
        existsSync(join(stateDir, "git", "incoming")) ? readdirSync(join(stateDir, "git", "incoming")) : [],
      work,
      clone: (name = "clone", args: ReadonlyArray<string> = []) =>
        Effect.gen(function* () {
          yield* ok(work, ["clone", "-q", ...args, `${neck}/git/app.git`, name])
          const at = join(work, name)
          yield* ok(at, ["checkout", "-q", "-b", `bot-bottle/${slug}`])
          return at
        }),
    }
  })

/** A clone behind a gate, on the bottle's branch. */
export const working = (more: Parameters<typeof gate>[1] = {}) =>
  Effect.gen(function* () {
    const at = yield* forge
    const door = yield* gate(at, more)
    const here = yield* door.clone()
    const push = (...args: ReadonlyArray<string>) => git(here, ["push", "origin", ...args])
    return { at, door, here, push }
  })
