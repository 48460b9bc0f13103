/** Serves the simulator's repositories over real smart HTTP, through git http-backend with the tokens and permissions of its users. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Runtime, Stream } from "effect"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"
import { type GitRun, gitSpec } from "../domain/HardenedGit.ts"
import { ProcessRunner } from "../services/ProcessRunner.ts"
import { deleteBranch, push } from "./gitActions.ts"
import type { Mount } from "./Mount.ts"
import { type GiteaState, type SimRepo, mayWrite } from "./state.ts"

/** Repositories on disk, and their server. */
export interface GitServer {
  /** For `GiteaSimulator.make`: repositories are at `/<owner>/<name>.git`. */
  readonly mount: Mount
  /** The bare repository with a name; created by {@link GitServer.create}. */
  readonly directory: (owner: string, name: string) => string
  /** Creates a repository with the default branch `main`: with one commit of its owner that contains these files, or empty. */
  readonly create: (
    owner: string,
    name: string,
    files?: Readonly<Record<string, string>>,
  ) => Effect.Effect<void>
  /** Git's output in a repository. */
  readonly ask: (owner: string, name: string, args: ReadonlyArray<string>) => Effect.Effect<string>
  /** Refuses pushes to a branch, like a protected branch. */
  readonly protect: (owner: string, name: string, branch: string) => Effect.Effect<void>
  /** Requests so far, such as `GET /ada/cellar.git/info/refs?service=git-upload-pack`. */
  readonly requests: ReadonlyArray<string>
  /** When set, every connection is closed, or kept without a response. */
  trouble: "down" | "silent" | undefined
  /** Closes the connections of all current requests. */
  readonly cutOff: () => void
}

/** Makes a server of the repositories below `root`, a directory of the test's own. */
export const make = (root: string): Effect.Effect<GitServer, never, ProcessRunner> =>
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const runFork = Runtime.runFork(yield* Effect.runtime<never>())
    const requests: Array<string> = []
    const directory = (owner: string, name: string) => join(root, `${owner}/${name}.git`.toLowerCase())
    const git = (args: ReadonlyArray<string>, repository: string, stdin = "") =>
      Effect.orDie(runner.run(gitSpec({ args, directory: repository, stdin, timeoutMs: 30_000 })))

    const serve = (
      { repo, rest, query }: Asked,
      state: GiteaState,
      request: IncomingMessage,
      response: ServerResponse,
    ) =>
      Effect.gen(function* () {
        const isPush = rest === "/git-receive-pack" || query.includes("git-receive-pack")
        const user = state.userOfToken(tokenOf(request))
        const permission = state.permission(repo, user)
        if (request.headers.authorization !== undefined && user === undefined)
          return refuse(response, 401, "Unauthorized\n")
        if (user === undefined && (isPush || repo.private)) return refuse(response, 401, "Unauthorized\n")
        if (permission === "none") return refuse(response, 404, "Repository not found\n")
        if (isPush && repo.archived)
          return refuse(
            response,
            403,
            "This repo is archived. You can view files and clone it, but cannot push or open issues/pull-requests.\n",
          )
        if (isPush && !mayWrite(permission))
          return refuse(response, 403, "User permission denied for writing.\n")
        const spec: GitRun = {
          args: ["http-backend"],
          config: [
            ["http.receivepack", "true"],
            ["uploadpack.allowFilter", "true"],
            // Only `protect` creates one.
            ["core.hooksPath", join(directory(repo.owner, repo.name), "hooks")],
          ],
          env: {
            GIT_HTTP_EXPORT_ALL: "1",
            GIT_PROJECT_ROOT: root,
            PATH_INFO: `/${repo.owner}/${repo.name}.git${rest}`.toLowerCase(),
            QUERY_STRING: query,
            REQUEST_METHOD: request.method ?? "GET",
            REMOTE_USER: user?.login ?? "",
            CONTENT_TYPE: request.headers["content-type"] ?? "",
            HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
            GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
          },
          stdin: NodeStream.fromReadable<unknown, Uint8Array>(
            () => request,
            (cause) => cause,
          ),
        }
        const isReceived = rest === "/git-receive-pack"
        const heads = isReceived ? yield* readHeads(repo) : new Map<string, string>()
        const { output, exit } = yield* runner.stream(gitSpec(spec))
        const chunks: Array<Uint8Array> = []
        yield* Stream.runForEach(output, ({ stream, bytes }) =>
          Effect.sync(() => (stream === "stdout" ? chunks.push(bytes) : 0)),
        )
        yield* exit
        const answer = Buffer.concat(chunks)
        const end = answer.indexOf("\r\n\r\n")
        const head = answer.toString("latin1", 0, end)
        if (isReceived) moved(state, repo, user?.id ?? -1, heads, yield* readHeads(repo))
        response.writeHead(Number(/^Status: (\d+)/m.exec(head)?.[1] ?? 200), {
          "content-type": /^Content-Type: (.*)$/m.exec(head)?.[1] ?? "text/plain",
        })
        response.end(answer.subarray(end + 4))
      }).pipe(
        Effect.scoped,
        Effect.catchAllCause(() => Effect.sync(() => void response.destroy())),
      )

    /** The commit of each branch. */
    const readHeads = (repo: SimRepo) =>
      Effect.map(
        git(
          ["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"],
          directory(repo.owner, repo.name),
        ),
        ({ stdout }) =>
          new Map(
            stdout
              .split("\n")
              .filter((line) => line !== "")
              .map((line) => [line.slice(line.indexOf(" ") + 1), line.slice(0, line.indexOf(" "))] as const),
          ),
      )

    const open = new Set<ServerResponse>()
    const server: GitServer = {
      requests,
      cutOff: () => open.forEach((response) => response.destroy()),
      directory,
      trouble: undefined,
      mount: (request, response, state) => {
        const asked = ask(state, request.url ?? "")
        if (asked === undefined) return false
        requests.push(`${request.method} ${request.url}`)
        open.add(response)
        response.on("close", () => open.delete(response))
        if (server.trouble === "down") request.socket.destroy()
        else if (server.trouble === undefined) runFork(serve(asked, state, request, response))
        return true
      },
      create: (owner, name, files) =>
        Effect.gen(function* () {
          const repository = directory(owner, name)
          mkdirSync(repository, { recursive: true })
          yield* git(["init", "--quiet", "--bare", "--template=", "-b", "main"], repository)
          if (files === undefined) return
          yield* git(["fast-import", "--quiet"], repository, firstCommit(owner, files))
        }),
      ask: (owner, name, args) =>
        Effect.map(git(args, directory(owner, name)), ({ stdout }) => stdout.trim()),
      protect: (owner, name, branch) =>
        Effect.sync(() => {
          const hooks = join(directory(owner, name), "hooks")
          mkdirSync(hooks, { recursive: true })
          const hook = join(hooks, "pre-receive")
          writeFileSync(
            hook,
            `#!/bin/sh\nwhile read -r _ _ ref; do [ "$ref" != "refs/heads/${branch}" ] || { echo "Gitea: Not allowed to push to protected branch ${branch}" >&2; exit 1; }; done\n`,
          )
          chmodSync(hook, 0o755)
        }),
    }
    return server
  })

/** After a push: its branch may now be the head of a pull request, and webhooks are sent. */
const moved = (
  state: GiteaState,
  repo: SimRepo,
  actorId: number,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): void => {
  repo.branches.clear()
  for (const [branch, sha] of before) {
    repo.branches.add(branch)
    repo.heads.set(branch, sha)
  }
  for (const [branch, sha] of after) {
    if (before.get(branch) !== sha) push(state, repo, actorId, branch, { sha })
  }
  for (const branch of before.keys()) if (!after.has(branch)) deleteBranch(state, repo, actorId, branch)
}

/** git-fast-import(1) */
const firstCommit = (author: string, files: Readonly<Record<string, string>>): string =>
  [
    "commit refs/heads/main",
    `committer ${author} <${author}@example.com> 0 +0000`,
    data("First commit"),
    ...Object.entries(files).map(([path, text]) => `M 644 inline ${path}\n${data(text)}`),
    "",
  ].join("\n")

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}`

interface Asked {
  readonly repo: SimRepo
  /** Such as `/info/refs`. */
  readonly rest: string
  readonly query: string
}

const ask = (state: GiteaState, url: string): Asked | undefined => {
  const [, owner, name, rest, query = ""] =
    /^\/([\w.-]+)\/([\w.-]+)\.git(\/(?:info\/refs|git-upload-pack|git-receive-pack))(?:\?(.*))?$/.exec(url) ??
    []
  if (owner === undefined || name === undefined || rest === undefined) return undefined
  const repo = state.repo(owner, name)
  return repo === undefined ? undefined : { repo, rest, query }
}

/** The token is the password, with any user name. */
const tokenOf = (request: IncomingMessage): string => {
  const [, basic = ""] = /^basic (\S+)$/i.exec(request.headers.authorization ?? "") ?? []
  const text = Buffer.from(basic, "base64").toString("utf8")
  return text.slice(text.indexOf(":") + 1)
}

const refuse = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    ...(status === 401 && { "www-authenticate": 'Basic realm="Gitea"' }),
  })
  response.end(text)
}
