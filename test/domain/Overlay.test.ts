import { describe, expect, it } from "@effect/vitest"
import { forgeOverlay, withOverlay } from "../../src/domain/Overlay.ts"

describe("forgeOverlay", () => {
  const text = forgeOverlay({ issueNumber: 17, prNumbers: [42], branch: "bot-bottle/fix-abcde" })

  it("names the issue, its pull request and the branch", () => {
    expect(text).toContain("issue #17")
    expect(text).toContain("pull request: #42")
    expect(text).toContain("`bot-bottle/fix-abcde`")
    expect(text).toContain("only #17, #42")
    expect(text).toContain("`Closes #17`")
  })

  it("says what else may be pushed to a repository whose manifest says so", () => {
    const more = forgeOverlay({
      issueNumber: 17,
      prNumbers: [],
      branch: "bot-bottle/fix-abcde",
      repositories: ["app", "docs"],
      otherPush: [
        { name: "app", refs: ["refs/heads/topic/*"] },
        { name: "docs", refs: [] },
      ],
    })
    expect(more).toContain("To `app` you may push `refs/heads/topic/*` instead")
    expect(more).toContain("To `docs` you may push nothing.")
    expect(text).not.toContain("instead, where")
  })

  it("says that pushes wait for an approval of the plan, and what is not in the clone, where that is so", () => {
    const more = forgeOverlay({
      issueNumber: 17,
      prNumbers: [],
      branch: "bot-bottle/fix-abcde",
      repositories: ["app"],
      afterApproval: ["app"],
      missing: ["git-lfs"],
    })
    expect(more).toMatch(/Pushes to `app` are refused until .*`blocked`.*begins with `\/approve`/)
    expect(more).toContain("About the repository: It uses git-lfs")
    expect(text).not.toMatch(/approve|About the repository/)
  })

  it("says how each forge tool is reached", () => {
    for (const command of [
      "read-issue",
      "read-pr",
      "read-comments",
      "post-comment",
      "update-description",
      "open-pr",
      "signal-done",
    ]) {
      expect(text).toContain(`forge ${command}`)
      expect(text).toContain(`\`${command.replace("-", "_")}\``)
    }
    expect(text).toContain("$BOT_BOTTLE_NECK/rpc")
  })

  it("says that signal_done ends the unit of work, and that what the forge says is not to be trusted", () => {
    expect(text).toMatch(/finished.*call `signal_done` once/)
    expect(text).toContain("people you cannot vouch for")
  })

  it("names no forge by its brand", () => {
    expect(text).not.toMatch(/gitea|forgejo|github|gitlab/i)
  })

  it("says so when there is no pull request and no branch", () => {
    const bare = forgeOverlay({ issueNumber: 3, prNumbers: [] })
    expect(bare).toContain("no pull request yet")
    expect(bare).toContain("cannot push")
    expect(bare).not.toContain("undefined")
  })
})

describe("withOverlay", () => {
  it("puts the overlay ahead of the prompt, which it keeps as it is", () => {
    const prompt = "  fix it\n\n```\n$1 $& \n"
    expect(withOverlay(prompt, "OVER")).toBe(`OVER\n\n## Your task\n\n${prompt}`)
  })
})
