import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import {
  isSameForge,
  isSshUrl,
  keyRefusal,
  plannedKeys,
  RunKey,
  sshRepository,
} from "../../src/domain/DeployKey.ts"
import { decodeBottle } from "../../src/domain/ManifestFile.ts"
import { Slug } from "../../src/domain/Slug.ts"

const gitea = { provider: "gitea" } as const
const ssh = "ssh://git@git.example.com:2222/ada/cellar.git"

describe("the repository of an address of ssh", () => {
  it.each([
    [ssh, "ada/cellar"],
    ["git@git.example.com:ada/cellar.git", "ada/cellar"],
    ["git@git.example.com:ada/cellar", "ada/cellar"],
    ["ssh://git.example.com/ada/a.b-c_d.git/", "ada/a.b-c_d"],
    ["git@git.example.com:cellar.git", undefined],
    ["git@git.example.com:/srv/ada/cellar.git", undefined],
    ["ssh://git@git.example.com/srv/ada/cellar.git", undefined],
    ["ssh://git@git.example.com/../cellar.git", undefined],
    ["ssh://git@git.example.com/ada/..", undefined],
    ["ssh://git@git.example.com/ada/cel%2flar.git", undefined],
    ["https://git.example.com/ada/cellar.git", undefined],
    ["", undefined],
  ])("%s", (url, expected) => {
    const found = Option.map(sshRepository(url), ({ owner, repo }) => `${owner}/${repo}`)
    expect(Option.getOrUndefined(found)).toBe(expected)
    expect(isSshUrl(url)).toBe(!/^(https.*|)$/.test(url))
  })
})

describe("the keys that a launch makes", () => {
  it("are one for each repository of gitea over ssh, read-only where nothing may be pushed", () => {
    const git = {
      web: { url: "https://git.example.com/ada/cellar.git", key: gitea },
      own: { url: ssh, key: { identityFile: "/key" }, knownHost: "h" },
      one: { url: ssh, key: gitea, knownHost: "h" },
      two: { url: "git@git.example.com:ada/docs.git", key: gitea, knownHost: "h", push: [] },
    }
    expect(plannedKeys(git)).toEqual([
      { name: "one", owner: "ada", repo: "cellar", readOnly: false },
      { name: "two", owner: "ada", repo: "docs", readOnly: true },
    ])
    const refusal = (hasForge: boolean, agreed: boolean) => keyRefusal(git, { hasForge, agreed })?.message
    expect(refusal(true, true)).toBeUndefined()
    expect(refusal(true, false)).toMatch(
      /ada\/cellar that may push and a deploy key of ada\/docs that may only read.*--yes/,
    )
    expect(refusal(false, true)).toMatch(/git\.web\.key.*orchestrate start.*key\.identityFile/)
    expect(keyRefusal({ own: git.own }, { hasForge: false, agreed: false })).toBeUndefined()
    expect(keyRefusal(undefined, { hasForge: false, agreed: false })).toBeUndefined()
  })

  it.effect("take the host's key, and a repository to register them at: the manifest is told", () =>
    Effect.gen(function* () {
      const decode = (entry: object) => decodeBottle("b.yaml", { git: { app: { key: gitea, ...entry } } })
      yield* decode({ url: ssh, knownHost: "git.example.com ssh-ed25519 AAAA" })
      yield* decode({ url: "https://git.example.com/ada/cellar.git" })
      expect(yield* Effect.flip(decode({ url: ssh }))).toMatchObject({
        _tag: "ManifestInvalid",
        file: "b.yaml",
        key: "git.app.knownHost",
        expected: expect.stringContaining("ssh-keyscan"),
      })
      expect(yield* Effect.flip(decode({ url: "git@h:cellar.git", knownHost: "k" }))).toMatchObject({
        key: "git.app.url",
        expected: expect.stringContaining("OWNER/REPO"),
      })
    }),
  )
})

it("a key that is left says where it is and what to do", () => {
  const key = new RunKey({
    name: "door-abcde.00",
    slug: Slug.make("door-abcde"),
    apiUrl: "https://git.example.com/api/v1",
    owner: "ada",
    repo: "cellar",
    title: "bot-bottle door-abcde 00",
    publicKey: "ssh-ed25519 AAAA",
    readOnly: false,
    id: Option.some(7),
    createdAt: "2026-11-20T10:00:00.000Z",
  })
  expect(key.left).toBe(
    'deploy key "bot-bottle door-abcde 00" (number 7) of ada/cellar may still be registered at https://git.example.com/api/v1: "bot-bottle gc" with FORGE_GITEA_API and FORGE_GITEA_TOKEN revokes it, and so does the next "orchestrate" command there',
  )
  expect(isSameForge("https://git.example.com/api/v1", "https://Git.example.com/api/v1/")).toBe(true)
  expect(isSameForge("https://git.example.com/api/v1", "https://git.example.com:8443/api/v1")).toBe(false)
})
