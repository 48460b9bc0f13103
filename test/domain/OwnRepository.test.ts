import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { type RunPlace, withOwnRepository } from "../../src/domain/OwnRepository.ts"
import type { BottleManifest } from "../../src/domain/Manifest.ts"

const place: RunPlace = { webUrl: "https://git.example.com/sub", owner: "Ada", repo: "cellar" }
const resolved = (bottle: BottleManifest, at: RunPlace | undefined = place) =>
  Either.getOrThrow(withOwnRepository(bottle, at))

describe("forge: true in a manifest", () => {
  it("is the repository of the run, below where its forge is served", () => {
    const bottle = {
      image: "img",
      git: { app: { forge: true, push: ["refs/heads/x"], private: true } },
    } as const
    expect(resolved(bottle)).toEqual({
      image: "img",
      git: {
        app: {
          url: "https://git.example.com/sub/Ada/cellar.git",
          key: { provider: "gitea" },
          own: true,
          push: ["refs/heads/x"],
          private: true,
        },
      },
    })
  })

  it("leaves other repositories, and a manifest without any, as they are", () => {
    const other = { url: "https://git.example.com/sub/ada/press.git", key: { provider: "gitea" } } as const
    expect(resolved({ git: { other } }, { ...place, base: "dev" })).toEqual({ git: { other } })
    expect(resolved({ image: "img" })).toEqual({ image: "img" })
    const none = withOwnRepository({ git: { other }, workspace: { git: "other" } }, undefined)
    expect(Either.getOrThrow(none)).toEqual({ git: { other }, workspace: { git: "other" } })
  })

  it("is nothing in a run without a forge", () => {
    const failed = withOwnRepository({ git: { app: { forge: true } } }, undefined)
    expect(Either.flip(failed)).toMatchObject({
      right: {
        _tag: "LaunchRefused",
        reason: expect.stringMatching(/git\.app .*no forge.*orchestrate start/),
      },
    })
  })

  it("takes the base that the operator named for this repository, before one that a manifest has for all", () => {
    const own = { forge: true, base: "release" } as const
    const url = "https://git.example.com/sub/ada/Cellar"
    const git = { app: own, again: { url, key: { provider: "gitea" } } } as const
    const bases = (at: RunPlace) =>
      Object.values(resolved({ git, workspace: { git: "app" } }, at).git ?? {}).map(({ base }) => base)
    expect(bases(place)).toEqual(["release", undefined])
    expect(bases({ ...place, base: "dev" })).toEqual(["dev", "dev"])
  })

  it("begins a clone of it at that base, unless the manifest names a ref", () => {
    const at = { ...place, base: "dev" }
    const workspace = (ref?: string) =>
      resolved({ git: { app: { forge: true } }, workspace: { git: "app", ...(ref && { ref }) } }, at)
        .workspace
    expect(workspace()).toEqual({ git: "app", ref: "dev" })
    expect(workspace("v1")).toEqual({ git: "app", ref: "v1" })
    expect(resolved({ git: { app: { forge: true } }, workspace: { git: "app" } }).workspace).toEqual({
      git: "app",
    })
  })
})
