import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { cloneOf, copyRefusal, forgeAuthor, workspaceProblem } from "../../src/domain/Clone.ts"
import { forgeOverlay } from "../../src/domain/Overlay.ts"
import { decodeBottle } from "../../src/domain/ManifestFile.ts"
import { type BottleManifest, mergeBottles } from "../../src/domain/Manifest.ts"

const app = { url: "https://git.example.com/ada/cellar.git", key: { provider: "gitea" } } as const
const run = { slug: "door-abcde", agent: "worker", forge: true }

describe("the clone of a manifest", () => {
  it("is on the bottle's own branch, by the agent, who has no address", () => {
    expect(cloneOf({}, run)).toBeUndefined()
    expect(cloneOf({ git: { app }, workspace: { git: "app", ref: "dev" } }, run)).toEqual({
      git: "app",
      ref: "dev",
      branch: "bot-bottle/door-abcde",
      author: { name: "worker", email: "door-abcde@bot-bottle.invalid" },
      forge: true,
    })
    expect(forgeAuthor("bot", "git.example.com")).toEqual({
      name: "bot",
      email: "bot@noreply.git.example.com",
    })
  })

  it("is of a repository that the manifest has, after all bottles are merged", () => {
    const problem = (bottle: BottleManifest) => workspaceProblem(bottle, ["base", "more"])?.message
    expect(problem({ git: { app }, workspace: { git: "app" } })).toBeUndefined()
    expect(problem({})).toBeUndefined()
    expect(problem({ git: { app }, workspace: { git: "toString" } })).toBe(
      "bottles/base.yaml, bottles/more.yaml: workspace.git: expected a name of the map git, which has app",
    )
    expect(problem({ workspace: { git: "app" } })).toContain("which has none")
  })

  it("is the last bottle's as a whole", () => {
    const first = { workspace: { git: "app", ref: "dev" } }
    expect(mergeBottles([first, { workspace: { git: "other" } }]).workspace).toEqual({ git: "other" })
    expect(mergeBottles([first, { user: 1 }]).workspace).toEqual(first.workspace)
  })

  it("leaves no place for files of a working tree", () => {
    expect(copyRefusal({})).toBeUndefined()
    expect(copyRefusal({ workspace: { git: "app" } })?.message).toContain('a clone of "app"')
  })

  it.effect.each(["-x", "--upload-pack=x", "a b", "a:b", "", "a..b^{}", "/x", "a\nb", "*"])(
    "begins at nothing that git could take for something else: %j",
    (ref) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          decodeBottle("b.yaml", { git: { app }, workspace: { git: "app", ref } }),
        )
        expect(error.message).toBe("b.yaml: workspace.ref: expected a branch, a tag or a commit")
      }),
  )
})

describe("the overlay of a run that may push", () => {
  const overlay = (more: object) =>
    forgeOverlay({ issueNumber: 17, prNumbers: [], branch: "bot-bottle/door-abcde", ...more })

  it("says where the clone is and how it is pushed, and how to get other repositories", () => {
    const text = overlay({ repositories: ["app", "docs"], clone: "app" })
    expect(text).toContain("Your working directory is a clone of `app`, on `bot-bottle/door-abcde`")
    expect(text).toContain("then `git push` sends that branch")
    expect(text).toContain('`git clone "$BOT_BOTTLE_NECK/git/docs.git"`')
    expect(text).not.toContain("/git/app.git")
  })

  it("says how to clone when nothing was cloned", () => {
    const text = overlay({ repositories: ["app"] })
    expect(text).toContain('`git clone "$BOT_BOTTLE_NECK/git/app.git"` gets you the repository')
    expect(text).toContain("`git push origin HEAD:bot-bottle/door-abcde`")
    expect(text).not.toContain("working directory is a clone")
  })
})
