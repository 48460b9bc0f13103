/** A simulated forge, a home that is configured for it, and the service as an operator runs it. */
import { Effect, Exit, Scope } from "effect"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../src/simulator/gitServer.ts"
import { type Cli, makeCli, shellAgent } from "./cli.ts"
import { tempDir } from "./tempDir.ts"

/** The secrets of such a service: looked for everywhere. */
export const SERVED_TOKEN = "89abcdef0123456789abcdef0123456789abcdef"
export const HOOK_SECRET = "hook-secret-0123456789"

/** The issue of every test. */
export const door = { owner: "ada", repo: "cellar", number: 17 }

/** An agent that notes its run, waits for the file `go` beside its home, and signals that it is done. */
const patient = (folder: string): string =>
  shellAgent(
    `echo "run $BOT_BOTTLE_RUN" >>'${folder}/runs'; until [ -e '${folder}/go' ]; do sleep 0.1; done; forge signal-done success mended`,
  )

/** What differs between homes. */
export interface ServedOptions {
  readonly cli?: Cli
  /** The manifests `worker` and `plain`: agents are plain processes unless given. */
  readonly agent?: string
  readonly bottle?: string
  /** Files of the repository, which can then be cloned and pushed to. */
  readonly files?: Readonly<Record<string, string>>
}

/** Starts the forge and writes the home; nothing is served yet. */
export const makeServed = async (more: object = {}, options: ServedOptions = {}) => {
  const scope = Effect.runSync(Scope.make())
  const repositories = await Effect.runPromise(
    Effect.flatMap(tempDir, GitServer.make).pipe(
      Effect.provide(NodeProcessRunner.layer),
      Scope.extend(scope),
    ),
  )
  if (options.files !== undefined)
    await Effect.runPromise(repositories.create("ada", "cellar", options.files))
  const forge = await Effect.runPromise(
    GiteaSimulator.make(
      {
        users: [{ login: "bot", token: SERVED_TOKEN }, { login: "ada" }, { login: "eve" }],
        orgs: [{ name: "bot-bottle", members: ["bot"] }],
        repos: [
          {
            owner: "ada",
            name: "cellar",
            collaborators: { bot: "write" },
            issues: [{ number: 17, title: "The door", body: "It does not close.", author: "ada" }],
          },
        ],
      },
      { mounts: [repositories.mount] },
    ).pipe(Scope.extend(scope)),
  )
  const { cli = makeCli(), bottle = "backend: host\n" } = options
  const file = (name: string, text: string): string => {
    const path = join(cli.cwd, name)
    writeFileSync(path, text)
    chmodSync(path, 0o600)
    return path
  }
  cli.write("agents/worker.md", options.agent ?? patient(cli.cwd))
  cli.write("bottles/plain.yaml", bottle)
  const configuration = {
    forge: { api: forge.apiUrl, token: { file: file("token", `${SERVED_TOKEN}\n`) } },
    repositories: { "ada/*": {} },
    listen: "127.0.0.1:0",
    webhook: { secret: { file: file("hook", `${HOOK_SECRET}\n`) } },
    // What the tests wait for comes by webhooks.
    sweep: "1 hour",
    settle: "1 second",
    ...more,
  }
  cli.write("orchestrator.yaml", JSON.stringify(configuration))
  const ada = forge.as("ada")
  const started: Array<ReturnType<Cli["start"]>> = []
  /** Has the forge's webhooks sent there. */
  const hook = (url: string): void => {
    const hooks = forge.state.repo("ada", "cellar")?.hooks ?? []
    hooks.splice(0, hooks.length, hookTo(url, forge.state.nextId()))
  }
  /** Serves; the forge's webhooks stay as they are. */
  const serveOnly = async (args: ReadonlyArray<string> = [], env: Readonly<Record<string, string>> = {}) => {
    const service = cli.start(["orchestrate", "serve", ...args], { env })
    started.push(service)
    await expect.poll(service.stderr).toMatch(/^serving/m)
    return service
  }
  /** Serves, and has the forge's webhooks sent there. */
  const serve = async (args: ReadonlyArray<string> = [], env: Readonly<Record<string, string>> = {}) => {
    const service = await serveOnly(args, env)
    const url = /^webhooks: (\S+)$/m.exec(service.stderr())?.[1]
    if (url !== undefined) hook(url)
    return service
  }
  return {
    cli,
    forge,
    repositories,
    ada,
    configuration,
    serve,
    serveOnly,
    hook,
    /** Lets agents come to their end. */
    go: () => file("go", ""),
    /** Somebody labels the issue and assigns the bot. */
    target: (agent = "worker") =>
      Effect.runPromise(
        Effect.zipRight(ada.label(door, `bot-bottle:${agent}`), ada.assign(door, "bot")).pipe(
          Effect.zipRight(forge.webhooks.idle),
        ),
      ),
    stop: async () => {
      for (const { child, result } of started) {
        child.kill("SIGTERM")
        await result
      }
      file("go", "")
      for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout) as ReadonlyArray<{
        slug: string
      }>)
        await cli.run(["destroy", slug])
      await Effect.runPromise(Scope.close(scope, Exit.void))
      cli.remove()
    },
  }
}

const hookTo = (url: string, id: number) => ({
  id,
  type: "gitea",
  url,
  contentType: "json",
  secret: HOOK_SECRET,
  events: ["issues", "issue_assign", "issue_label", "issue_comment", "pull_request", "pull_request_comment"],
  active: true,
  branchFilter: "",
  authorization: "",
  createdAt: "2027-01-01T00:00:00Z",
  updatedAt: "2027-01-01T00:00:00Z",
})
