/**
 * ProvingGround on this machine's loopback: a simulated forge with a repository, a route's upstream, a listed host, and listeners that
 * must receive nothing.
 */
import { FileSystem } from "@effect/platform"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Layer, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { createServer as createHttpServer } from "node:http"
import { createServer } from "node:net"
import { join } from "node:path"
import type { Outside } from "../../domain/probes/Probe.ts"
import { LISTED_ANSWER } from "../../domain/probes/ProbesOfNeck.ts"
import { AGENTS_OWN } from "../../domain/probes/ProbesOfRoutes.ts"
import type { Arch } from "../../domain/probeMachine/SystemCalls.ts"
import { ensureRunDirectory, removeRunDirectory } from "../bottle/runDirectory.ts"
import { Home } from "../home/Home.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { type Ground, GroundFailure, ProvingGround } from "../../services/ProvingGround.ts"
import * as GiteaSimulator from "../../simulator/GiteaSimulator.ts"
import * as GitServer from "../../simulator/gitServer.ts"
import { type Heard, hear, listenAtPath, listenOnMachine, listenTcp } from "./listeners.ts"
import { fillUpstream, refsOf } from "./upstream.ts"

const OWNER = "ada"
const REPO = "cellar"
const BOT = "verify-bot"
const LOOPBACK = { host: "127.0.0.1", port: 0 } as const

/** The run's issue, another issue, and a stranger's pull request. */
const NUMBERS = { issue: 17, other: 1, strangersPr: 20 } as const

const ROUTE = { name: "probe", allowed: "/v1/models", denied: "/v1/files" } as const
const HEADER = "x-verify-key"

/** Occurs in each response of the route's upstream; not a secret. */
export const ROUTE_MARK = "passed-on-as-it-is"

/** A response of a careless upstream that repeats the key. */
const echoesOf = (key: string): Readonly<Record<string, string>> => ({
  location: `/again?key=${[...key].map((char) => `%${char.charCodeAt(0).toString(16)}`).join("")}`,
  "x-verify-plain": key,
  "x-verify-base64": Buffer.from(`${HEADER}: ${key}`).toString("base64"),
  "x-verify-hex": Buffer.from(key).toString("hex"),
})

/** A PID below this could also exist in the bottle. */
const PID_MIN = 4096

/** Sets up a ground. Everything is removed when the scope closes. */
const prepare = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { of: pathsOf } = yield* Home
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "bot-bottle-verify-" })
  yield* fs.chmod(folder, 0o755)
  const token = randomBytes(20).toString("hex")
  const key = `verify-${randomBytes(20).toString("base64url")}`
  yield* fs.writeFileString(join(folder, "key"), key, { mode: 0o600 })
  yield* fs.writeFileString(join(folder, "readable"), "of this machine\n", { mode: 0o644 })

  const heard: Heard = new Map()
  const listeners = yield* listenOnMachine(heard)
  const abstractSocket = `bot-bottle-verify-${randomBytes(6).toString("hex")}`
  yield* listenAtPath(heard, "abstract", `\0${abstractSocket}`)
  const other = `verify-other-${randomBytes(4).toString("hex")}`
  const paths = yield* Effect.acquireRelease(ensureRunDirectory(other), () =>
    Effect.ignore(removeRunDirectory(other)),
  )
  yield* listenAtPath(heard, "another bottle's neck", paths.neckSocket)
  yield* listenAtPath(heard, "another bottle's control", paths.controlSocket)

  const routed: Array<Outside["routed"][number]> = []
  const upstream = createHttpServer((request, response) => {
    routed.push({
      request: `${request.method} ${request.url}`,
      credential: request.headers[HEADER] === key && request.headers.authorization === undefined,
      own: [request.url ?? "", ...request.rawHeaders].some((text) => text.includes(AGENTS_OWN)),
    })
    response.writeHead(200, { ...echoesOf(key), "x-verify-mark": ROUTE_MARK }).end("{}")
  })
  const routePort = yield* listenTcp(upstream, LOOPBACK)
  const listed = createServer((socket) => {
    socket.once("data", () => {
      hear(heard, "listed")
      socket.end(LISTED_ANSWER)
    })
  })
  const listedPort = yield* listenTcp(listed, LOOPBACK)

  const repositories = yield* GitServer.make(join(folder, "upstream"))
  const forge = yield* GiteaSimulator.make(seed(token), { mounts: [repositories.mount] })
  const api = new URL(forge.apiUrl).pathname
  yield* repositories.create(OWNER, REPO)
  const directory = repositories.directory(OWNER, REPO)
  const git = yield* fillUpstream(directory, join(folder, "work"), NUMBERS.other)
  const runner = yield* ProcessRunner
  const pid = process.pid >= PID_MIN ? process.pid : undefined

  const ground: Ground = {
    forgeEnv: {
      FORGE_GITEA_API: forge.apiUrl,
      FORGE_GITEA_TOKEN: Redacted.make(token),
      FORGE_OWNER: OWNER,
      FORGE_REPO: REPO,
      FORGE_ISSUE_NUMBER: String(NUMBERS.issue),
      FORGE_PR_NUMBER: "",
    },
    manifest: {
      egress: { allow: [{ host: "localhost", port: listedPort, private: true }] },
      routes: {
        [ROUTE.name]: {
          upstream: `http://127.0.0.1:${routePort}`,
          header: HEADER,
          secret: { file: join(folder, "key") },
          allow: [`GET ${ROUTE.allowed}`],
          private: true,
        },
      },
      git: { app: { url: `${forge.url}/${OWNER}/${REPO}.git`, key: { provider: "gitea" }, private: true } },
    },
    of: (slug) => ({
      arch: process.arch as Arch,
      slug,
      listeners,
      abstractSocket,
      sockets: {
        "another bottle's neck": paths.neckSocket,
        "another bottle's control": paths.controlSocket,
        "this bottle's control": pathsOf(slug).controlSocket,
        "this bottle's neck, where it lies on this machine": pathsOf(slug).neckSocket,
      },
      file: join(folder, "readable"),
      ...(pid !== undefined && { pid }),
      listed: { host: "localhost", port: listedPort },
      forge: {
        port: Number(new URL(forge.url).port),
        api: { open: `${api}/version`, repository: `${api}/repos/${OWNER}/${REPO}` },
        ...NUMBERS,
      },
      git: { name: "app", ...git },
      route: ROUTE,
    }),
    secrets: [token, key].map((secret) => Redacted.make(secret)),
    seen: Effect.gen(function* () {
      const refs = yield* Effect.provideService(refsOf(directory), ProcessRunner, runner)
      const seen = {
        heard: Object.fromEntries(heard),
        forgeWrites: forge.requests
          .filter(({ method }) => method !== "GET" && method !== "HEAD")
          .map(({ method, path }) => `${method} ${path}`),
        refs,
        routed: [...routed],
      }
      heard.clear()
      forge.forget()
      routed.length = 0
      return seen
    }),
  }
  return ground
}).pipe(
  Effect.catchAll((error) =>
    error._tag === "GroundFailure" ? error : new GroundFailure({ reason: error.message }),
  ),
  Effect.withSpan("ProvingGround.prepare"),
)

const seed = (token: string): GiteaSimulator.GiteaSeed => ({
  users: [{ login: BOT, token }, { login: OWNER }, { login: "mallory" }],
  repos: [
    {
      owner: OWNER,
      name: REPO,
      private: true,
      collaborators: { [BOT]: "write" },
      issues: [
        { number: NUMBERS.other, title: "Not yours", author: OWNER },
        { number: NUMBERS.issue, title: "Yours", author: OWNER, assignees: [BOT] },
      ],
      pulls: [
        {
          number: NUMBERS.strangersPr,
          title: "A stranger's",
          body: `closes #${NUMBERS.issue}`,
          author: "mallory",
          head: "main",
        },
      ],
    },
  ],
})

/** Grounds on this machine. Sockets of other bottles are where the home has them. */
export const layer: Layer.Layer<ProvingGround, never, ProcessRunner> = Layer.effect(
  ProvingGround,
  Effect.gen(function* () {
    const home = yield* Home
    const runner = yield* ProcessRunner
    return ProvingGround.of({
      prepare: prepare.pipe(
        Effect.provideService(Home, home),
        Effect.provideService(ProcessRunner, runner),
        Effect.provide(NodeFileSystem.layer),
      ),
    })
  }),
)
