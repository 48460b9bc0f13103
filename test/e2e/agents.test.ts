/** Real agents from npm, in bottles on a real engine, through a route to a stand-in of their model's API. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { NpmAgent } from "../support/agentImages.ts"
import { makeAgentImage } from "../support/agentImages.ts"
import { makeCli } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { startForge } from "../support/forge.ts"
import type { ModelApi, Turn } from "../support/modelApi.ts"
import { CALL_USE, startModelApi } from "../support/modelApi.ts"

/** The secret of the test. */
const KEY = "sk-real-0123456789abcdef0123456789abcdef"
const ACCOUNT = "account-0123456789"
const backwards = [...KEY].toReversed().join("")

interface Tested {
  readonly model: string
  /** The manifest's `openai` and `anthropic` take the place of those that there are. */
  readonly route: string
  /** Path of the API that it asks. */
  readonly asks: string
  /** How it reads the issue: by MCP where it can. */
  readonly reads: ReadonlyArray<Turn>
  /** A shell command that runs it with an output in which it counts tokens, and how these are read. */
  readonly counts: string
  readonly says: (stdout: string) => Said
}

/** Tokens as an agent counts them; the input includes what came from a cache. */
interface Said {
  readonly input: number
  readonly cached: number
  readonly output: number
}

/** The lines of an output that are JSON. */
const jsonIn = (stdout: string): ReadonlyArray<ReturnType<typeof JSON.parse>> =>
  stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []))

const sumOf = (all: ReadonlyArray<Said>): Said =>
  all.reduce((sum, one) => ({
    input: sum.input + one.input,
    cached: sum.cached + one.cached,
    output: sum.output + one.output,
  }))

const AGENTS: Readonly<Record<NpmAgent, Tested>> = {
  pi: {
    model: "lan/some-model",
    route: "lan",
    asks: "/v1/chat/completions",
    reads: [{ shell: "forge read-issue 17" }],
    // The files of the provider are not there for a command: the extension is written as it writes it.
    counts: [
      `echo 'export default (pi) => pi.registerProvider("lan", {baseUrl: process.env.BOT_BOTTLE_NECK + "/route/lan/v1", apiKey: "x", api: "openai-completions", models: [{id: "some-model", name: "m", reasoning: false, input: ["text"], cost: {input: 0, output: 0, cacheRead: 0, cacheWrite: 0}, contextWindow: 128000, maxTokens: 16384}]})' >/tmp/lan.js`,
      "exec pi --mode json --extension /tmp/lan.js --provider lan --model some-model --print hello",
    ].join("\n"),
    says: (stdout) =>
      sumOf(
        jsonIn(stdout).flatMap(({ type, message }) =>
          type === "message_end" && message.role === "assistant"
            ? [
                {
                  input: message.usage.input + message.usage.cacheRead,
                  cached: message.usage.cacheRead,
                  output: message.usage.output,
                },
              ]
            : [],
        ),
      ),
  },
  codex: {
    model: "some-model",
    route: "openai",
    asks: "/v1/responses",
    reads: [{ call: { namespace: "mcp__forge", name: "read_issue", input: { number: 17 } } }],
    counts: [
      "exec codex exec --json --dangerously-bypass-approvals-and-sandbox --skip-git-repo-check --model some-model",
      ...[
        "model_provider=b",
        "model_providers.b.name=b",
        "model_providers.b.wire_api=responses",
        'web_search="disabled"',
      ].map((value) => `-c ${value}`),
      '-c model_providers.b.base_url="$BOT_BOTTLE_NECK/route/openai/v1" hello </dev/null',
    ].join(" "),
    says: (stdout) =>
      sumOf(
        jsonIn(stdout).flatMap(({ type, usage }) =>
          type === "turn.completed"
            ? [{ input: usage.input_tokens, cached: usage.cached_input_tokens, output: usage.output_tokens }]
            : [],
        ),
      ),
  },
  claude: {
    model: "some-model",
    route: "anthropic",
    asks: "/v1/messages",
    // It loads what a tool takes before it calls it.
    reads: [
      { call: { name: "ToolSearch", input: { query: "select:mcp__forge__read_issue" } } },
      { call: { name: "mcp__forge__read_issue", input: { number: 17 } } },
    ],
    counts: [
      "export ANTHROPIC_BASE_URL=$BOT_BOTTLE_NECK/route/anthropic ANTHROPIC_AUTH_TOKEN=x",
      "export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1",
      "exec claude --print --output-format json --dangerously-skip-permissions --model some-model hello </dev/null",
    ].join("\n"),
    says: (stdout) =>
      sumOf(
        jsonIn(stdout).flatMap(({ modelUsage }) =>
          Object.values<ReturnType<typeof JSON.parse>>(modelUsage).map((usage) => ({
            input: usage.inputTokens + usage.cacheReadInputTokens + usage.cacheCreationInputTokens,
            cached: usage.cacheReadInputTokens,
            output: usage.outputTokens,
          })),
        ),
      ),
  },
}

/** Looks for the key in every process and file of the bottle, and finds the one place where it was put for this: else nothing would be known. */
const search: Turn = {
  shell: [
    `echo ${backwards} | rev >/tmp/planted`,
    `cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >/tmp/processes`,
    "echo found:",
    `grep -rlF -f /tmp/planted /bin /etc /home /opt /run /tmp /usr /var /workspace 2>/dev/null`,
    "grep -c HOME= /tmp/processes && rm /tmp/planted /tmp/processes && echo searched",
  ].join("; "),
}

/** What the search tells the model: the planted file alone, how many processes have a HOME, and that it came to its end. */
const NOWHERE = /found:\\n\/tmp\/planted\\n[1-9]\d*\\nsearched/

const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"

/** Where on this machine the key can be seen while a bottle works. */
const whoSees = (slug: string): ReadonlyArray<string> => {
  const box = docker("ps", "--format", "{{.Names}}", "--filter", `name=${slug}`)
  const image = docker("inspect", "--format", "{{.Image}}", box)
  const ofDocker = {
    inspect: docker("inspect", box),
    history: docker("history", "--no-trunc", image),
    logs: docker("logs", box),
  }
  const processes = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
  return [
    ...Object.entries(ofDocker).flatMap(([name, text]) => (text.includes(KEY) ? [`docker ${name}`] : [])),
    ...["cmdline", "environ"].flatMap((file) =>
      processes
        .filter((pid) => contentOf(`/proc/${pid}/${file}`).includes(KEY))
        .map((pid) => `${file} of ${pid}`),
    ),
  ]
}

for (const agent of ["pi", "codex", "claude"] as const) {
  const { model, route, asks, reads, counts, says } = AGENTS[agent]
  describeDocker(`${agent} in a bottle`, () => {
    const cli = makeCli()
    let image: string
    let api: ModelApi
    let forge: Awaited<ReturnType<typeof startForge>>

    beforeAll(async () => {
      image = await makeAgentImage(agent)
      api = await startModelApi(KEY)
      forge = await startForge()
      cli.write(
        "bottles/box.yaml",
        `image: ${image}
routes:
  ${route}: { upstream: "${api.url}", header: Authorization, scheme: Bearer, secret: { env: MODEL_KEY }, private: true }
`,
      )
      cli.write(
        "agents/painter.md",
        `---\nprovider: ${agent}\nbottle: box\nmodel: ${model}\n---\nYou paint doors.\n`,
      )
    })

    afterAll(async () => {
      for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout)) {
        await cli.run(["destroy", String(slug)])
      }
      cli.remove()
      docker("image", "rm", "--force", image)
      await api.stop()
      await forge.stop()
    })

    it("reads its issue, edits a file, comments and signals done; frozen and resumed it goes on with its conversation", async () => {
      const env = { ...forge.env, MODEL_KEY: KEY }
      let seen: ReadonlyArray<string> = []
      api.play(
        ...reads,
        { shell: "printf 'colour = red\\n' >door.txt; pwd" },
        { edit: { path: "door.txt", before: "colour = red", after: "colour = blue" } },
        search,
        { shell: "printf 'It is blue now.' | forge post-comment 17 && forge signal-done success 'painted'" },
        () => {
          seen = whoSees(slugIn(running.stderr()))
          return { say: "The door is painted." }
        },
      )
      const running = cli.start(
        ["orchestrate", "start", "--agent", "painter", "--prompt", "Paint the door"],
        { env },
      )
      const first = await running.result
      expect([first.code, first.stdout]).toEqual([0, expect.stringContaining("The door is painted.")])
      const slug = slugIn(first.stderr)
      // Only the command that the operator gave the variable to has it.
      expect(seen).toEqual([`environ of ${running.child.pid}`])
      expect(forge.comments(17).map((comment) => comment.body)).toEqual(["It is blue now."])
      const row = () => cli.run(["list", "--json"]).then(({ stdout }) => JSON.parse(stdout)[0])
      expect(await row()).toMatchObject({ state: "exited", done: { status: "success", summary: "painted" } })

      const last = api.requests.at(-1)?.text ?? ""
      for (const told of ["You paint doors.", "Paint the door", "It does not close.", "/workspace"]) {
        expect(last).toContain(told)
      }
      expect(last).toMatch(NOWHERE)

      expect((await cli.run(["freeze", slug])).code).toBe(0)
      expect(await row()).toMatchObject({ state: "frozen" })
      const before = api.requests.length
      api.play({ shell: "cat door.txt" }, search, { say: "It is still blue." })
      const second = await cli.run(
        ["orchestrate", "resume", "--slug", slug, "--prompt", "Look at it again"],
        {
          env,
        },
      )
      expect([second.code, second.stdout]).toEqual([0, expect.stringContaining("It is still blue.")])
      const again = api.requests.slice(before)
      for (const told of ["Paint the door", "The door is painted.", "Look at it again"]) {
        expect(again[0]?.text).toContain(told)
      }
      expect(again[1]?.text).toMatch(/colour = blue/)
      expect(again.at(-1)?.text.match(new RegExp(NOWHERE, "g"))?.length).toBe(2)

      expect(api.refused).toEqual([])
      expect(new Set(api.requests.map((request) => request.path))).toEqual(new Set([asks]))
      for (const file of readdirSync(cli.home, { recursive: true, encoding: "utf8" })) {
        if (file.endsWith(".sock")) continue
        expect([file, contentOf(join(cli.home, file)).includes(KEY)]).toEqual([file, false])
      }
      expect((await cli.run(["destroy", slug])).code).toBe(0)
    })

    it.runIf(agent !== "pi")(
      "works on the operator's subscription without the token, and says what to run on the host when it is refused",
      async () => {
        const login = join(cli.cwd, "auth.json")
        const write = (token: string) =>
          writeFileSync(login, JSON.stringify({ tokens: { access_token: token, account_id: ACCOUNT } }), {
            mode: 0o600,
          })
        const secrets =
          agent === "codex"
            ? `{ file: ${login}, field: tokens.access_token }, secretHeaders: { chatgpt-account-id: { file: ${login}, field: tokens.account_id } }`
            : "{ env: CLAUDE_CODE_OAUTH_TOKEN }"
        cli.write(
          "bottles/paid.yaml",
          `image: ${image}
routes:
  ${agent}-subscription: { upstream: "${api.url}${agent === "codex" ? "/backend-api/codex" : ""}", header: Authorization, scheme: Bearer, secret: ${secrets}, private: true }
`,
        )
        cli.write(
          "agents/member.md",
          `---\nprovider: ${agent}\nbottle: paid\nmodel: ${model}\nlogin: subscription\n---\n`,
        )
        const start = (token: string) => {
          write(token)
          return cli.run(["start", "member", "--headless", "--prompt", "Look around"], {
            env: { CLAUDE_CODE_OAUTH_TOKEN: token },
          })
        }
        const before = api.requests.length
        api.play(search, { say: "There is a door." })
        const first = await start(KEY)
        expect([first.code, first.stdout]).toEqual([0, expect.stringContaining("There is a door.")])
        const asked = api.requests.slice(before)
        expect(asked.at(-1)?.text).toMatch(NOWHERE)
        expect(new Set(asked.map(({ path }) => path.replace("/backend-api/codex", "")))).toEqual(
          agent === "codex" ? new Set(["/models", "/responses"]) : new Set(["/v1/messages"]),
        )
        for (const { headers } of asked) {
          expect(headers.authorization).toBe(`Bearer ${KEY}`)
          if (agent === "codex") expect(headers["chatgpt-account-id"]).toBe(ACCOUNT)
          else expect(headers["anthropic-beta"]).toContain("oauth-")
        }
        expect(api.refused).toEqual([])

        const refused = await start("sk-that-is-no-longer-valid")
        const hint = agent === "codex" ? "codex login" : "claude setup-token"
        expect([refused.code === 0, refused.stdout + refused.stderr]).toEqual([
          false,
          expect.stringContaining(`run \`${hint}\` on the host`),
        ])
        expect(api.refused.length).toBeGreaterThan(0)
        if (agent === "codex") {
          const claims = Buffer.from(JSON.stringify({ exp: 1_700_000_000 })).toString("base64url")
          const expired = await start(`e30.${claims}.e30`)
          expect(expired.stderr).toContain(
            "the operator's codex login has expired: run `codex login` on the host",
          )
        }
        // Nothing of ours is in the login of the host.
        expect(JSON.parse(readFileSync(login, "utf8"))).toEqual({
          tokens: { access_token: expect.any(String), account_id: ACCOUNT },
        })
      },
      120_000,
    )

    it("ends within 30 s when its run has reached a limit, which the command names", async () => {
      cli.write(
        "bottles/tight.yaml",
        `${readFileSync(join(cli.home, "bottles/box.yaml"), "utf8")}limits: { calls: 1 }\n`,
      )
      cli.write("agents/spender.md", `---\nprovider: ${agent}\nbottle: tight\nmodel: ${model}\n---\n`)
      const before = api.requests.length
      let asked = 0
      api.play(() => {
        asked = Date.now()
        return { shell: "true" }
      })
      const args = ["start", "spender", "--headless", "--prompt", "Spend"]
      const { code, stderr } = await cli.run(args, { env: { MODEL_KEY: KEY } })
      const took = Date.now() - asked
      expect([code, stderr]).toEqual([124, expect.stringContaining("limit: calls")])
      expect(stderr).toContain("bot-bottle resume")
      expect(took).toBeLessThan(30_000)
      expect(api.requests.length - before).toBe(1)
      const row = JSON.parse((await cli.run(["list", "--json"])).stdout).at(-1)
      expect(row).toMatchObject({ state: "exited", use: { models: [{ calls: 1, input: CALL_USE.input }] } })
      // It ended by itself, and was not stopped after its time of grace.
      expect(row.exit.signal).toBeUndefined()
      const log = await cli.run(["logs", row.slug])
      expect(log.stderr).toMatch(/1 call to a model, 1\.2k tokens/)
    })

    it("used what it says itself that it used", async () => {
      cli.write(
        "agents/counter.md",
        `---\nprovider: command\nbottle: box\ncommand: ${JSON.stringify(["sh", "-c", counts])}\n---\n`,
      )
      api.play({ shell: "true" }, { say: "Done." })
      const args = ["start", "counter", "--headless", "--prompt", "Count"]
      const { code, stdout } = await cli.run(args, { env: { MODEL_KEY: KEY } })
      expect([code, stdout]).toEqual([0, expect.stringContaining("{")])
      const row = JSON.parse((await cli.run(["list", "--json"])).stdout).at(-1)
      const used = row.use.models.reduce(
        (sum: Said, use: Said) => ({
          input: sum.input + use.input,
          cached: sum.cached + use.cached,
          output: sum.output + use.output,
        }),
        { input: 0, cached: 0, output: 0 },
      )
      expect(used).toEqual(says(stdout))
      expect(used.input).toBeGreaterThanOrEqual(2 * CALL_USE.input)
    })
  })
}

describe("an agent that cannot reach its model", () => {
  const refused = async (agent: string, args: ReadonlyArray<string> = []) => {
    const cli = makeCli()
    cli.write("bottles/box.yaml", "image: some/image\n")
    cli.write("agents/worker.md", `---\nprovider: ${agent}\nbottle: box\n---\n`)
    const env = { DOCKER_HOST: `unix://${cli.home}/none.sock` }
    const { code, stderr } = await cli.run(["start", "worker", "--headless", "--prompt", "x", ...args], {
      env,
    })
    const rows = JSON.parse((await cli.run(["list", "--json"], { env })).stdout)
    cli.remove()
    return { code, stderr, rows }
  }

  it("is told at launch which variable of the host has no key, and leaves no row", async () => {
    for (const [agent, variable] of Object.entries({
      claude: "ANTHROPIC_API_KEY",
      codex: "OPENAI_API_KEY",
      pi: "ANTHROPIC_API_KEY",
    })) {
      const { code, stderr, rows } = await refused(agent)
      expect([code, stderr, rows]).toEqual([125, expect.stringContaining(variable), []])
    }
  })

  it("is refused on a backend whose neck has no fixed address, and for a model without a route", async () => {
    const onHost = await refused("claude", ["--backend", "host"])
    expect([onHost.code, onHost.stderr, onHost.rows]).toEqual([
      126,
      expect.stringContaining("provider claude cannot run on the backend host"),
      [],
    ])
    const lost = await refused("pi\nmodel: lan/some-model")
    expect([lost.code, lost.stderr, lost.rows]).toEqual([
      126,
      expect.stringContaining("no route of that name: add routes.lan"),
      [],
    ])
  })
})

const contentOf = (path: string): Buffer => {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}
