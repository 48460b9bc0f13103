/** The examples of the documents: the real loaders accept each of them, and the orchestrator's full example works over a simulated Gitea. */
import { Effect, Either } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { tree } from "../../src/cli/root.ts"
import { readLine } from "../../src/cli/line/read.ts"
import { decodeStrictly } from "../../src/domain/ManifestFile.ts"
import { decodeConfiguration } from "../../src/domain/orchestrator/ConfigurationFile.ts"
import { unkept } from "../../src/domain/orchestrator/unkept.ts"
import { PriceTable } from "../../src/domain/usage/Prices.ts"
import { parseAgent, parseBottle } from "../../src/layers/manifests/parse.ts"
import { parseYaml } from "../../src/layers/manifests/yaml.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { bin, makeCli, shellAgent } from "../support/cli.ts"
import { exampleOf, examplesOf } from "../support/documents.ts"

/** Each with a name that a failure shows. */
const named = (document: string, language: string, isMeant = (_below: string) => true) =>
  examplesOf(document)
    .filter((example) => example.language === language && isMeant(example.below))
    .map(({ below, text }, n) => ({ name: `${document}, ${below}, ${n + 1}`, text }))

/** The heading above the example of prices.yaml. */
const PRICES = "Tokens and money"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("an example of a manifest is one", () => {
  it.each(named("docs/guide.md", "yaml", (below) => below !== PRICES))("$name", ({ name, text }) =>
    Effect.runPromise(Effect.asVoid(parseBottle(name, bytes(text)))),
  )
  it.each(named("docs/guide.md", "markdown"))("$name", ({ name, text }) =>
    Effect.runPromise(Effect.asVoid(parseAgent(name, "example", bytes(text)))),
  )
})

it("the example of prices.yaml is one", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const name = "prices.yaml"
      const value = yield* parseYaml(name, exampleOf("docs/guide.md", PRICES, "yaml"))
      expect(Object.keys(yield* decodeStrictly(name, PriceTable, value))).toEqual(["my-model", "gpt-6-luna"])
    }),
  ))

describe("an example of orchestrator.yaml is one, alone or with what every file has", () => {
  it.each(named("docs/orchestrator.md", "yaml"))("$name", ({ name, text }) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const value = Object(yield* parseYaml(name, text))
        const whole = {
          forge: { api: "https://git.example.org/api/v1", token: { env: "TOKEN" } },
          repositories: { "acme/cellar": null },
          ...value,
        }
        expect(unkept(yield* decodeConfiguration(name, whole))).toEqual([])
      }),
    ),
  )
})

describe("an example of a command line is understood", () => {
  const documents = ["README.md", "docs/guide.md", "docs/orchestrator.md", "docs/operations.md"]
  const lines = documents.flatMap((document) =>
    examplesOf(document)
      .filter(({ language }) => language === "sh")
      .flatMap(({ text }) => text.split("\n"))
      .flatMap((line) => /(?:^|\s)bot-bottle ([^#|>]*)/.exec(line)?.[1] ?? [])
      .map((words) => ({ document, words: words.trim() })),
  )
  it.each(lines)("$document: bot-bottle $words", ({ words }) => {
    const split = [...words.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, double, single, plain]) => double ?? single ?? plain ?? "",
    )
    expect(Either.getLeft(readLine(tree, split))).toEqual(Either.getLeft(Either.right(0)))
  })
})

const TOKENS = {
  bot: "0a".repeat(20),
  "press-bot": "0b".repeat(20),
  admin: "0c".repeat(20),
} as const

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })

const far = { interval: 100 }

it(
  "the full example serves, its webhooks are installed by the documented commands, and it carries an issue",
  () =>
    Effect.gen(function* () {
      const sim = yield* GiteaSimulator.make({
        users: [...Object.entries(TOKENS).map(([login, token]) => ({ login, token })), { login: "ada" }],
        orgs: [
          { name: "bot-bottle", members: ["bot", "press-bot"] },
          { name: "acme", owners: ["admin"], members: ["bot", "ada"] },
          { name: "press", members: ["press-bot"] },
        ],
        repos: [
          {
            owner: "acme",
            name: "cellar",
            collaborators: { bot: "write", ada: "write" },
            issues: [{ number: 17, title: "The door", author: "ada" }],
          },
          { owner: "press", name: "ink", collaborators: { "press-bot": "write" } },
        ],
      })
      const cli = makeCli()
      yield* Effect.addFinalizer(() => Effect.sync(() => cli.remove()))
      const home = join(cli.home, "..")
      const secrets = join(home, ".config", "bot-bottle")
      mkdirSync(secrets, { recursive: true })
      const files = {
        token: TOKENS.bot,
        "press-token": TOKENS["press-bot"],
        "admin-token": TOKENS.admin,
        "owner-token": TOKENS.admin,
        hook: "5e".repeat(32),
        notify: "7a".repeat(32),
      }
      for (const [name, secret] of Object.entries(files))
        writeFileSync(join(secrets, name), `${secret}\n`, { mode: 0o600 })
      const port = yield* Effect.promise(freePort)
      const example = exampleOf("docs/orchestrator.md", "A full example", "yaml")
        .replace("https://git.example.org", sim.url)
        .replace("https://bots.example.org", `http://127.0.0.1:${port}`)
        .replace("127.0.0.1:7320", `127.0.0.1:${port}`)
      cli.write("orchestrator.yaml", example)
      cli.write("agents/planner.md", shellAgent("forge signal-done success mended"))
      cli.write("bottles/plain.yaml", "backend: host\n")
      const service = cli.start(["orchestrate", "serve"])
      yield* Effect.addFinalizer(() =>
        Effect.promise(() => {
          service.child.kill("SIGTERM")
          return service.result
        }),
      )
      yield* Effect.promise(() => expect.poll(service.stderr, far).toMatch(/^serving/m))
      const commands = exampleOf("docs/orchestrator.md", "Install and check", "sh")
      const installed = yield* Effect.promise(
        () =>
          new Promise<{ readonly code: number | null; readonly output: string }>((resolve) => {
            const wrapper = `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`
            writeFileSync(join(home, "bot-bottle"), wrapper, { mode: 0o755 })
            const child = spawn("sh", ["-ec", commands], {
              env: {
                PATH: `${home}:${process.env["PATH"] ?? ""}`,
                HOME: home,
                BOT_BOTTLE_HOME: cli.home,
              },
            })
            let output = ""
            for (const stream of [child.stdout, child.stderr])
              stream.on("data", (chunk: Buffer) => (output += chunk.toString()))
            child.on("close", (code) => resolve({ code, output }))
          }),
      )
      expect(installed).toMatchObject({ code: 0, output: expect.stringContaining("a test delivery arrived") })
      const ada = sim.as("ada")
      const door = { owner: "acme", repo: "cellar", number: 17 }
      yield* Effect.zipRight(ada.label(door, "bot-bottle:planner"), ada.assign(door, "bot"))
      yield* Effect.promise(() => expect.poll(service.stderr, far).toMatch(/^acme\/cellar#17: frozen$/m))
      expect(sim.state.issue("acme", "cellar", 17)?.reactions?.map(({ content }) => content)).toEqual([
        "eyes",
      ])
      const shown = yield* Effect.promise(() => cli.run(["orchestrate", "status"]))
      expect(shown.stderr).toMatch(
        /limits: the machine 0 of 8 running; acme 0 of 4 running; acme\/cellar 0 of 2 running/,
      )
      expect(shown.stderr).toContain("the day 1 of 50 runs")
      const json = yield* Effect.promise(() => cli.run(["orchestrate", "status", "--json"]))
      expect(JSON.parse(json.stdout)).toMatchObject([
        {
          life: {
            limits: [
              { of: "issue", what: "runs", limit: 10, used: 1, left: 9 },
              { of: "issue", what: "seconds", limit: 7200 },
              { of: "issue", what: "heads", limit: 3, used: 0, left: 3 },
              { of: "run", what: "comments", limit: 20, used: 0, left: 20 },
            ],
          },
        },
      ])
      for (const { slug } of JSON.parse(json.stdout) as ReadonlyArray<{ readonly slug: string }>)
        yield* Effect.promise(() => cli.run(["destroy", slug]))
    }).pipe(Effect.scoped, Effect.runPromise),
  180_000,
)
