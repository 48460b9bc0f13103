/** At which addresses the gate asks an upstream: with names that only a test knows, an operator's proxy, and a real sshd. */
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NameUnknown, type Resolve, Resolver } from "../../../src/sidecar/outside/Resolver.ts"
import { readUpstream } from "../../../src/sidecar/git/Upstream.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../../src/simulator/gitServer.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { tcpServer } from "../../support/egress.ts"
import { TOKEN, cellarIn, commit, forge, gate, git, ok } from "../../support/git.ts"
import { authorizedKeys, describeSsh, sshd } from "../../support/sshd.ts"
import { tempDir } from "../../support/tempDir.ts"

/** A gate whose names lead to these addresses, and what was asked. */
const gateWith = (
  at: { readonly url: string },
  names: Readonly<Record<string, ReadonlyArray<string>>>,
  more: Parameters<typeof gate>[1] = {},
  env: Readonly<Record<string, string>> = {},
) => {
  const asked: Array<string> = []
  const resolve: Resolve = (name) =>
    Effect.suspend(() => {
      asked.push(name)
      const found = names[name]
      return found === undefined ? new NameUnknown({ code: "ENOTFOUND" }) : Effect.succeed(found)
    })
  return gate(at, more).pipe(
    Effect.provideService(Resolver, resolve),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
    Effect.map((door) => ({ ...door, asked })),
  )
}

const PRIVATE =
  "the upstream was not asked: it has no public address, and its entry does not say private: true"

/** What git is told when it talks with an upstream; with a version of our choice. It asks nobody. */
const gitStandIn = (version: string) =>
  Effect.gen(function* () {
    const bin = yield* tempDir
    const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim()
    writeFileSync(
      join(bin, "git"),
      `#!/bin/sh
case $1 in
  version) echo "git version ${version}" ;;
  fetch) env >>"${bin}/env"; echo "fatal: unable to access: Failed to connect" >&2; exit 128 ;;
  *) exec "${real}" "$@" ;;
esac
`,
    )
    chmodSync(join(bin, "git"), 0o755)
    const before = process.env["PATH"] ?? ""
    yield* Effect.acquireRelease(
      Effect.sync(() => (process.env["PATH"] = `${bin}:${before}`)),
      () => Effect.sync(() => (process.env["PATH"] = before)),
    )
    return () => (existsSync(join(bin, "env")) ? readFileSync(join(bin, "env"), "utf8") : "")
  })

describe("an upstream by its name", () => {
  it.scopedLive("is asked at the address that was looked at, and nowhere else", () =>
    Effect.gen(function* () {
      const at = yield* forge
      const url = at.url.replace("127.0.0.1", "forge.test")
      const door = yield* gateWith({ url }, { "forge.test": ["127.0.0.1"] })
      const here = yield* door.clone()
      yield* commit(here, { "a.txt": "a" })
      expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
      expect(new Set(door.asked)).toEqual(new Set(["forge.test"]))
    }),
  )

  it.scopedLive("is not asked at an address that is not public, unless its entry says private: true", () =>
    Effect.gen(function* () {
      const at = { url: "https://forge.test/ada/cellar.git" }
      const entry = { git: { private: false } }
      for (const addresses of [
        ["127.0.0.1"],
        ["10.0.0.1", "fd00::1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
      ]) {
        const door = yield* gateWith(at, { "forge.test": addresses }, entry)
        expect((yield* git(door.work, ["clone", door.url, "x"])).stderr).toContain(PRIVATE)
      }
      const door = yield* gate({ url: "https://localhost/ada/cellar.git" }, entry)
      expect((yield* git(door.work, ["clone", door.url, "x"])).stderr).toContain(PRIVATE)
      expect(door.entries().at(-1)).toMatchObject({
        op: "git",
        target: "app fetch",
        outcome: "failed",
        reason: PRIVATE,
      })
      const unknown = yield* gateWith(at, {}, entry)
      expect((yield* git(unknown.work, ["clone", unknown.url, "x"])).stderr).toContain(
        "the upstream was not asked: its name has no address (ENOTFOUND)",
      )
    }),
  )

  it.scopedLive(
    "with public and private addresses is asked at the public ones, past every proxy but the operator's",
    () =>
      Effect.gen(function* () {
        const told = yield* gitStandIn("2.39.5")
        const door = yield* gateWith(
          { url: "https://Forge.test:8443/ada/cellar.git" },
          { "forge.test": ["10.0.0.1", "203.0.114.7", "2606:4700::7"] },
          { git: { private: false } },
        )
        expect((yield* git(door.work, ["clone", door.url, "x"])).stderr).toContain("could not be reached")
        expect(told()).toContain("=http.curloptResolve")
        expect(told()).toContain("=forge.test:8443:203.0.114.7,[2606:4700::7]\n")
        expect(told()).toContain("=http.proxy\n")
        expect(told()).not.toMatch(/^\w*_proxy=/im)
      }),
  )

  it.scopedLive("is not asked by a git that cannot be held to an address", () =>
    Effect.gen(function* () {
      const told = yield* gitStandIn("2.36.1")
      const url = "https://forge.test/ada/cellar.git"
      const names = { "forge.test": ["203.0.114.7"] }
      const door = yield* gateWith({ url }, names, { git: { private: false } })
      expect((yield* git(door.work, ["clone", door.url, "x"])).stderr).toContain("is older than 2.37")
      expect(told()).toBe("")
      const trusted = yield* gateWith({ url }, names)
      expect((yield* git(trusted.work, ["clone", trusted.url, "x"])).code).not.toBe(0)
      expect(told()).not.toContain("curloptResolve")
    }),
  )

  it.scopedLive(
    "is asked through the operator's proxy, which resolves the name; NO_PROXY leaves it to us",
    () =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const proxy = yield* tcpServer((socket) =>
          socket.once("data", (bytes) => {
            lines.push(String(bytes).split("\r\n")[0] ?? "")
            socket.end("HTTP/1.1 403 Forbidden\r\n\r\n")
          }),
        )
        const at = { url: "https://forge.test/ada/cellar.git" }
        const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }
        const entry = { git: { private: false } }
        const through = yield* gateWith(at, {}, entry, env)
        expect((yield* git(through.work, ["clone", through.url, "x"])).code).not.toBe(0)
        expect([lines[0], through.asked]).toEqual(["CONNECT forge.test:443 HTTP/1.1", []])
        const before = lines.length
        const past = yield* gateWith(at, { "forge.test": ["127.0.0.1"] }, entry, {
          ...env,
          NO_PROXY: ".test",
        })
        expect((yield* git(past.work, ["clone", past.url, "x"])).stderr).toContain(PRIVATE)
        expect([lines.length, past.asked]).toEqual([before, ["forge.test"]])
      }),
  )

  it("is read by us as git, curl and ssh read it, or not at all", () => {
    const problemOf = (url: string) => {
      const part = {
        name: "app",
        url,
        credential: Redacted.make(TOKEN),
        identityFile: "/k",
        knownHost: "h k",
        private: true,
      }
      return readUpstream("door-abcde", part)
    }
    for (const url of [
      "https://forge.test./a.git",
      "https://0x7f.1/a.git",
      "https://2130706433/a.git",
      "https://evil.test\\@forge.test/a.git",
      "https://forge.test\\.evil.test/a.git",
      "https://%66orge.test/a.git",
      "https://forge.test:/a.git",
      "ssh://git@0x7f.1/a.git",
      "ssh://a@b@forge.test/a.git",
      "ssh://git@forge.test%00/a.git",
    ])
      expect([url, problemOf(url)._tag]).toEqual([url, "Left"])
    for (const [url, host, port] of [
      ["https://Forge.test:8443/a.git", "forge.test", 8443],
      ["https://[::1]/a.git", "::1", 443],
      ["git@forge.test:a.git", "forge.test", 22],
      ["ssh://git@FORGE.test:2222/a.git", "forge.test", 2222],
    ] as const)
      expect(problemOf(url)).toMatchObject({ right: { host: { text: host }, port } })
  })
})

describeSsh("an upstream behind a real sshd", () => {
  /** `ada/cellar` behind it, and a key that may write there. */
  const world = Effect.gen(function* () {
    const root = yield* tempDir
    const repositories = yield* Effect.provide(GitServer.make(root), NodeProcessRunner.layer)
    const sim = yield* GiteaSimulator.make(
      { repos: [{ owner: "ada", name: "cellar" }] },
      { mounts: [authorizedKeys(root)] },
    )
    const { directory } = yield* cellarIn(repositories)
    const identityFile = join(yield* tempDir, "key")
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", identityFile])
    sim.state.repo("ada", "cellar")?.keys.push({
      id: 1,
      title: "ours",
      content: readFileSync(`${identityFile}.pub`, "utf8").trim(),
      readOnly: false,
      createdAt: "",
    })
    const server = yield* sshd(root, sim.url)
    const named = (text: string) => text.replace("127.0.0.1", "forge.test")
    return {
      directory,
      identityFile,
      url: `${named(server.url)}/ada/cellar.git`,
      knownHost: named(server.knownHost),
    }
  })
  const names = { "forge.test": ["127.0.0.1"] }
  const entryOf = ({ identityFile, knownHost }: Effect.Effect.Success<typeof world>, more: object = {}) => ({
    git: { credential: undefined, identityFile, knownHost, ...more },
  })

  it.scopedLive(
    "is cloned and pushed to with the named key, at the address that was looked at, by the host's pinned key",
    () =>
      Effect.gen(function* () {
        const at = yield* world
        const door = yield* gateWith(at, names, entryOf(at))
        const here = yield* door.clone()
        // What everybody may know of the key is no secret.
        const made = yield* commit(here, { "key.pub": readFileSync(`${at.identityFile}.pub`) })
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
        expect(yield* ok(at.directory, ["rev-parse", `refs/heads/${door.branch}`])).toBe(made)
        const lines = readFileSync(at.identityFile, "utf8").split("\n").slice(3, 5)
        yield* commit(here, { "notes.txt": lines.join("\r\n") })
        const refused = yield* git(here, ["push", "origin", "HEAD"])
        expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("secrets found")])
      }),
  )

  it.scopedLive("is refused with another host key than the pinned one, and with another key of ours", () =>
    Effect.gen(function* () {
      const at = yield* world
      const otherHost = at.knownHost.replace(
        / AAAA.*/,
        ` ${readFileSync(`${at.identityFile}.pub`, "utf8").split(" ")[1]}`,
      )
      const wrong = yield* gateWith(at, names, entryOf(at, { knownHost: otherHost }))
      expect((yield* git(wrong.work, ["clone", wrong.url, "x"])).stderr).toContain(
        "the upstream's host key is not the expected one",
      )
      const identityFile = join(yield* tempDir, "stranger")
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", identityFile])
      const stranger = yield* gateWith(at, names, entryOf(at, { identityFile }))
      expect((yield* git(stranger.work, ["clone", stranger.url, "x"])).stderr).toContain(
        "the upstream refused this bottle's key",
      )
      const far = yield* gateWith(at, names, entryOf(at, { private: false }))
      expect((yield* git(far.work, ["clone", far.url, "x"])).stderr).toContain(PRIVATE)
    }),
  )
})
