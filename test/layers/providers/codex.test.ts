import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { codex } from "../../../src/layers/providers/codex.ts"
import { filesOf, inputFor } from "./input.ts"

/** What follows each `-c`. */
const settings = (argv: ReadonlyArray<string>) => argv.filter((_, at) => argv[at - 1] === "-c")
const without = (argv: ReadonlyArray<string>) =>
  argv.filter((word, at) => word !== "-c" && argv[at - 1] !== "-c")

const BYPASS = "--dangerously-bypass-approvals-and-sandbox"

describe("codex", () => {
  it("reads its prompt from stdin, goes on with its conversation at resume, and runs on a terminal", () => {
    const input = inputFor("codex", { model: Option.some("gpt-5") })
    const model = ["--model", "gpt-5"]
    expect(without(codex.headless(input).argv)).toEqual([
      "codex",
      "exec",
      BYPASS,
      ...model,
      "--skip-git-repo-check",
      "-",
    ])
    expect(without(codex.resume(input).argv)).toEqual([
      "codex",
      "exec",
      BYPASS,
      ...model,
      "--skip-git-repo-check",
      "resume",
      "--last",
      "-",
    ])
    expect(without(codex.interactive(input).argv)).toEqual(["codex", BYPASS, ...model])
    expect(without(codex.resumeInteractive(input).argv)).toEqual([
      "codex",
      BYPASS,
      ...model,
      "resume",
      "--last",
      "--include-non-interactive",
    ])
  })

  it("asks its model by the neck without a key, keeps the PATH with forge, and calls home nowhere", () => {
    const { argv, env, files } = codex.headless(inputFor("codex"))
    expect(settings(argv)).toEqual([
      'model_provider="bot-bottle"',
      'model_providers.bot-bottle.name="bot-bottle"',
      'model_providers.bot-bottle.base_url="http://127.0.0.1:7317/route/openai/v1"',
      'model_providers.bot-bottle.wire_api="responses"',
      "allow_login_shell=false",
      'web_search="disabled"',
      "analytics.enabled=false",
      "check_for_update_on_startup=false",
      'mcp_servers.forge.url="http://127.0.0.1:7317/mcp"',
    ])
    expect([env, files]).toEqual([{}, []])
    expect(settings(codex.headless(inputFor("codex", {}, { forge: false })).argv).join()).not.toContain("mcp")
  })

  it("has the system prompt ahead of the prompt, where it may be long, and on a terminal as an instruction", () => {
    const systemPrompt = 'Be "kind".\n'.repeat(20_000)
    const invocation = codex.resume(inputFor("codex", { systemPrompt }))
    expect(invocation.prompt).toBe(`${systemPrompt}\n\nfix it\n`)
    expect(Math.max(...invocation.argv.map((word) => word.length))).toBeLessThan(200)
    const short = inputFor("codex", { systemPrompt: 'Be "kind".\n' }, { prompt: "" })
    expect(settings(codex.interactive(short).argv).at(-1)).toBe('developer_instructions="Be \\"kind\\".\\n"')
    expect(codex.interactive(inputFor("codex")).argv.join()).not.toContain("developer_instructions")
  })

  it("finds a login of placeholders in its home, as only its user may read it, and keeps all else there", () => {
    const home = mkdtempSync(join(tmpdir(), "bb-codex-"))
    const input = inputFor("codex", { login: "subscription" })
    const { argv, files } = codex.headless(input)
    expect(settings(argv)).toContain(
      'model_providers.bot-bottle.base_url="http://127.0.0.1:7317/route/codex-subscription"',
    )
    expect(settings(argv)).toContain('chatgpt_base_url="http://127.0.0.1:7317/route/codex-subscription"')
    const [shell = "", ...words] = argv
    const content = filesOf({ files })["codex/auth.json"] ?? ""
    writeFileSync(join(home, "placeholders"), content)
    mkdirSync(join(home, ".codex"))
    writeFileSync(join(home, ".codex/config.toml"), "mine")
    writeFileSync(join(home, ".codex/auth.json"), "of an earlier run", { mode: 0o400 })
    const { stdout } = spawnSync(
      shell,
      words.map((word) =>
        word === "codex" ? "echo" : word.replace("/run/bottle/codex/auth.json", join(home, "placeholders")),
      ),
      { env: { PATH: process.env["PATH"] ?? "", HOME: home }, encoding: "utf8" },
    )
    expect(stdout).toMatch(/^exec --dangerously/)
    expect(readFileSync(join(home, ".codex/auth.json"), "utf8")).toBe(content)
    expect(readFileSync(join(home, ".codex/config.toml"), "utf8")).toBe("mine")
    expect(JSON.parse(content).tokens).toMatchObject({
      refresh_token: "added-by-the-neck",
      account_id: "added-by-the-neck",
    })
    rmSync(home, { recursive: true })
  })
})
