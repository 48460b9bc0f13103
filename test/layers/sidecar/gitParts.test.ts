import { expect, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { execFileSync } from "node:child_process"
import { chmodSync } from "node:fs"
import { join } from "node:path"
import type { AssignedForge } from "../../../src/domain/Assignment.ts"
import type { RunUpstream } from "../../../src/domain/OwnRepository.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { gitParts } from "../../../src/layers/sidecar/gitParts.ts"
import { tempDir } from "../../support/tempDir.ts"

const slug = Schema.decodeSync(Slug)("door-abcde")
const token = Redacted.make("8f3a91c0d27be5466f0a9d1c3e7b5a2841dd90fe")
const forge: AssignedForge = {
  target: { kind: "gitea", apiUrl: "https://forge.example/sub/api/v1", owner: "ada", repo: "cellar", token },
  assignment: { issueNumber: 17 },
}
const gitea = { provider: "gitea" } as const

const plain = { slug, push: [], routes: {}, egress: { allow: [] }, loopback: false }

const partsOf = (entry: RunUpstream) => gitParts({ ...plain, forge, git: { app: entry } })

it.effect("the forge's token goes to repositories of the forge, and to no other host", () =>
  Effect.gen(function* () {
    const [part] = yield* partsOf({ url: "https://forge.example/ada/cellar.git", key: gitea })
    expect(part?.credential).toBe(token)
    for (const url of [
      "https://forge.example.evil.org/ada/cellar.git",
      "https://forge.example:8443/ada/cellar.git",
      "http://forge.example/ada/cellar.git",
      "ssh://git@forge.example/ada/cellar.git",
      "git@forge.example:ada/cellar.git",
      "https://user:pw@forge.example/ada/cellar.git",
      "https://forge.example/ada/cellar.git?x=1",
      "ext::sh -c true",
      "file:///etc",
      "--upload-pack=true",
      "",
    ])
      expect((yield* Effect.flip(partsOf({ url, key: gitea }))).message, url).toContain('git "app": ')
  }),
)

it.effect(
  "the address of the run's own repository is what its forge says, also at another host than its API",
  () =>
    Effect.gen(function* () {
      const url = "https://web.example/ada/cellar.git"
      const [part] = yield* partsOf({ url, key: gitea, own: true })
      expect(part).toEqual({ name: "app", url, credential: token })
      const plain = { url: "http://web.example/ada/cellar.git", key: gitea, own: true } as const
      expect((yield* Effect.flip(partsOf(plain))).message).toContain("plain http needs private: true")
    }),
)

it.effect("a run without a forge has no token to give", () =>
  Effect.gen(function* () {
    const url = "https://forge.example/ada/cellar.git"
    const failure = yield* Effect.flip(gitParts({ ...plain, git: { app: { url, key: gitea } } }))
    expect(failure.message).toContain("this run has none")
  }),
)

it.scoped("a key file is for ssh, must be readable, and needs the host's key", () =>
  Effect.gen(function* () {
    const directory = yield* tempDir
    const keygen = (name: string, passphrase = "") => {
      const file = join(directory, name)
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", file])
      return file
    }
    const identityFile = keygen("key")
    const open = keygen("open")
    chmodSync(open, 0o640)
    const url = "git@forge.example:ada/cellar.git"
    const knownHost = "forge.example ssh-ed25519 AAAA"
    const [part] = yield* partsOf({ url, key: { identityFile }, knownHost })
    expect(part).toMatchObject({ name: "app", identityFile, knownHost })
    expect(part?.credential).toBeUndefined()
    const wrong: ReadonlyArray<readonly [RunUpstream, string]> = [
      [{ url, key: { identityFile: `${identityFile}.pub` }, knownHost }, "does not hold a private key"],
      [{ url, key: { identityFile: keygen("locked", "correct horse") }, knownHost }, "has a passphrase"],
      [{ url, key: { identityFile: open }, knownHost }, `can be read by others: chmod 600 ${open}`],
      [{ url, key: { identityFile } }, "knownHost"],
      [{ url, key: { identityFile: `${identityFile}-none` }, knownHost }, "cannot be read"],
      [{ url, key: { identityFile: "key" }, knownHost }, "absolute"],
      [{ url: "https://forge.example/a/b.git", key: { identityFile }, knownHost }, "is for ssh"],
      [{ url, key: { identityFile }, knownHost: `${knownHost}\nevil ssh-rsa B` }, "one line"],
      [{ url: "ssh://-oProxyCommand=x/a.git", key: { identityFile }, knownHost }, "url"],
      [{ url: "ssh://git@10.0.0.1/a.git", key: { identityFile }, knownHost }, "private: true"],
    ]
    for (const [entry, expected] of wrong)
      expect((yield* Effect.flip(partsOf(entry))).message).toContain(expected)
  }),
)
