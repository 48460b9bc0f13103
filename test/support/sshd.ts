/** A real sshd on loopback in front of the simulator's repositories: it lets in who holds a deploy key that is registered there, as Gitea does. */
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer, type AddressInfo } from "node:net"
import { userInfo } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { GiteaState } from "../../src/simulator/GiteaSimulator.ts"
import { tempDir } from "./tempDir.ts"

const SSHD = "/usr/sbin/sshd"
const available = existsSync(SSHD) && (process.getuid?.() ?? 1) === 0
const required = process.env["CI_REQUIRE_DOCKER"] === "1"

if (!available && !required)
  process.stderr.write("\n*** NO SSHD, OR NOT ROOT: the tests over real ssh are SKIPPED here ***\n\n")

/** `describe` for tests over real ssh. */
export const describeSsh = (name: string, tests: () => void): void => {
  if (available) describe(name, tests)
  else if (required) describe(name, () => it("has an sshd", () => expect.fail(`no ${SSHD}, or not root`)))
  else describe.skip(name, tests)
}

const AUTHORIZED = "/authorized-keys"

/** For `GiteaSimulator.make`: whom sshd is to let in, and to which repository; `root` is that of its GitServer. */
export const authorizedKeys =
  (root: string) =>
  (request: IncomingMessage, response: ServerResponse, state: GiteaState): boolean => {
    if (request.url !== AUTHORIZED) return false
    const lines = state.repos.flatMap(({ owner, name, keys }) =>
      keys.map(
        ({ content, readOnly }) =>
          `restrict,command="sh ${root}/serv ${owner}/${name}.git ${readOnly ? "ro" : "rw"}" ${content}\n`,
      ),
    )
    response.end(lines.join(""))
    return true
  }

/** What `gitea serv` does: the one repository of the key, and no pushes by one that may only read. */
const serv = (root: string): string => `#!/bin/sh
case "$SSH_ORIGINAL_COMMAND" in
"git-upload-pack '/$1'") exec git-upload-pack "${root}/$1" ;;
"git-receive-pack '/$1'")
  [ "$2" = rw ] && exec git-receive-pack "${root}/$1"
  echo "Gitea: the deploy key may only read" >&2 ;;
*) echo "Gitea: no such repository" >&2 ;;
esac
exit 1
`

/** Where it listens, and its host key. */
export interface Sshd {
  /** `ssh://user@127.0.0.1:port`. */
  readonly url: string
  /** The line of `known_hosts`. */
  readonly knownHost: string
}

/** Starts one that asks the simulator at `simUrl` for each key; it ends with the scope. */
export const sshd = (root: string, simUrl: string) =>
  Effect.gen(function* () {
    const directory = yield* tempDir
    const port = yield* freePort
    const { username } = userInfo()
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, "host")])
    writeFileSync(join(root, "serv"), serv(root))
    mkdirSync("/run/sshd", { recursive: true })
    const ask = `import urllib.request as r; print(r.urlopen('${simUrl}${AUTHORIZED}').read().decode(), end='')`
    writeFileSync(
      join(directory, "config"),
      `Port ${port}
ListenAddress 127.0.0.1
HostKey ${directory}/host
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
AuthorizedKeysFile none
AuthorizedKeysCommand /usr/bin/python3 -c "${ask}"
AuthorizedKeysCommandUser ${username}
`,
    )
    const listens = Effect.acquireRelease(
      Effect.sync(() =>
        spawn(SSHD, ["-D", "-e", "-f", join(directory, "config")], { stdio: ["ignore", "ignore", "pipe"] }),
      ),
      (child) => Effect.sync(() => child.kill("SIGTERM")),
    ).pipe(
      Effect.flatMap((child) =>
        Effect.async<void>((resume) => {
          let said = ""
          child.stderr.on("data", (chunk) => {
            said += String(chunk)
            if (said.includes("Server listening")) resume(Effect.void)
          })
          child.once("close", () => resume(Effect.dieMessage(`sshd: ${said}`)))
        }),
      ),
    )
    yield* listens
    const [type, key] = readFileSync(join(directory, "host.pub"), "utf8").split(" ")
    return { url: `ssh://${username}@127.0.0.1:${port}`, knownHost: `[127.0.0.1]:${port} ${type} ${key}` }
  })

const freePort = Effect.async<number>((resume) => {
  const probe = createServer()
  probe.listen(0, "127.0.0.1", () => {
    const { port } = probe.address() as AddressInfo
    probe.close(() => resume(Effect.succeed(port)))
  })
})
