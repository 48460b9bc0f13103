import { describe, expect, it } from "@effect/vitest"
import { isRepositoryOf } from "../../src/domain/ForgeRepository.ts"

const place = { webUrl: "https://git.example.com", owner: "Ada", repo: "cellar" }

describe("isRepositoryOf", () => {
  it.each([
    "https://git.example.com/ada/cellar.git",
    "https://git.example.com/Ada/Cellar",
    "https://GIT.example.com:443/ada/cellar.git/",
    "http://git.example.com/ada/cellar.git",
    "ssh://git@git.example.com/ada/cellar.git",
    "ssh://git@Git.Example.com:2222/ada/cellar.git",
    "git@git.example.com:ada/cellar.git",
  ])("knows %s", (url) => expect(isRepositoryOf(place, url)).toBe(true))

  it.each([
    "https://git.example.com/ada/cellar2.git",
    "https://git.example.com/eve/cellar.git",
    "https://git.example.com/x/ada/cellar.git",
    "https://git.example.com:8443/ada/cellar.git",
    "https://git.example.com.evil.example/ada/cellar.git",
    "https://example.com/ada/cellar.git",
    "ssh://git@example.com/ada/cellar.git",
    "git@example.com:ada/cellar.git",
    "file:///ada/cellar.git",
    "ada/cellar",
    "",
  ])("does not take %s for it", (url) => expect(isRepositoryOf(place, url)).toBe(false))

  it("counts where the forge is served", () => {
    const below = { ...place, webUrl: "http://127.0.0.1:3000/git/" }
    expect(isRepositoryOf(below, "http://127.0.0.1:3000/git/ada/cellar.git")).toBe(true)
    expect(isRepositoryOf(below, "http://127.0.0.1:3000/ada/cellar.git")).toBe(false)
    expect(isRepositoryOf(below, "http://127.0.0.1:3001/git/ada/cellar.git")).toBe(false)
    expect(isRepositoryOf(below, "ssh://git@127.0.0.1/ada/cellar.git")).toBe(true)
  })
})
