import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { claude } from "../../../src/layers/providers/claude.ts"
import { filesOf, inputFor } from "./input.ts"

const FIXED = ["--dangerously-skip-permissions", "--disallowedTools", "WebSearch"]
const SERVERS = ["--mcp-config", "/run/bottle/claude/mcp.json", "--strict-mcp-config"]

describe("claude", () => {
  it("prints on a prompt from stdin, goes on with its conversation at resume, and does neither on a terminal", () => {
    const input = inputFor("claude")
    expect(claude.headless(input).argv).toEqual(["claude", "--print", ...FIXED, ...SERVERS])
    expect(claude.resume(input).argv).toEqual(["claude", "--print", "--continue", ...FIXED, ...SERVERS])
    expect(claude.interactive(input).argv).toEqual(["claude", ...FIXED, ...SERVERS])
    expect(claude.resumeInteractive(input).argv).toEqual([
      "sh",
      "-c",
      expect.stringContaining("--resume"),
      ...claude.interactive(input).argv,
    ])
    expect(claude.headless(input).prompt).toBe("fix it\n")
  })

  it("takes the model from the manifest, and the system prompt from a file however long it is", () => {
    const systemPrompt = `--help ${"x".repeat(200_000)}`
    const invocation = claude.headless(inputFor("claude", { model: Option.some("opus"), systemPrompt }))
    expect(invocation.argv).toEqual([
      "claude",
      "--print",
      ...FIXED,
      "--model",
      "opus",
      "--append-system-prompt-file",
      "/run/bottle/claude/system-prompt.md",
      ...SERVERS,
    ])
    expect(filesOf(invocation)["claude/system-prompt.md"]).toBe(systemPrompt)
    expect(invocation.prompt).toBe("fix it\n")
  })

  it("goes on with the newest conversation on a terminal, and begins one when there is none", () => {
    const home = mkdtempSync(join(tmpdir(), "bb-claude-"))
    const [shell = "", ...argv] = claude.resumeInteractive(inputFor("claude")).argv
    const asked = () =>
      spawnSync(
        shell,
        argv.map((word) => (word === "claude" ? "echo" : word)),
        {
          env: { PATH: process.env["PATH"] ?? "", HOME: home },
          encoding: "utf8",
        },
      ).stdout
    expect(asked()).toMatch(/^--dangerously-skip-permissions /)
    mkdirSync(join(home, ".claude/projects/-workspace"), { recursive: true })
    expect(asked()).toMatch(/^--dangerously-skip-permissions /)
    writeFileSync(join(home, ".claude/projects/-workspace/x.jsonl"), "{}")
    expect(asked()).toMatch(/^--resume x --dangerously-skip-permissions /)
    writeFileSync(join(home, ".claude/projects/-workspace/y.jsonl"), "{}")
    utimesSync(join(home, ".claude/projects/-workspace/x.jsonl"), 1, 1)
    expect(asked()).toMatch(/^--resume y --dangerously-skip-permissions /)
    rmSync(home, { recursive: true })
  })

  it("asks its model by the neck with a key that is none, and calls home nowhere", () => {
    expect(claude.headless(inputFor("claude")).env).toEqual({
      ANTHROPIC_BASE_URL: "http://127.0.0.1:7317/route/anthropic",
      ANTHROPIC_AUTH_TOKEN: "added-by-the-neck",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
    })
  })

  it("has a placeholder in the form of a subscription's token, and the route of the subscription", () => {
    expect(claude.headless(inputFor("claude", { login: "subscription" })).env).toMatchObject({
      ANTHROPIC_BASE_URL: "http://127.0.0.1:7317/route/claude-subscription",
      CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-added-by-the-neck",
    })
    expect(claude.headless(inputFor("claude", { login: "subscription" })).env).not.toHaveProperty(
      "ANTHROPIC_AUTH_TOKEN",
    )
  })

  it("has the forge's tools by MCP when the run has a forge, and no other server in any case", () => {
    const servers = (forge: boolean) =>
      JSON.parse(filesOf(claude.headless(inputFor("claude", {}, { forge })))["claude/mcp.json"] ?? "")
    expect(servers(true)).toEqual({
      mcpServers: { forge: { type: "http", url: "http://127.0.0.1:7317/mcp" } },
    })
    expect(servers(false)).toEqual({ mcpServers: {} })
  })
})
