import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either, FastCheck, Option, SchemaAST } from "effect"
import { parse } from "yaml"
import { Configuration } from "../../../src/domain/orchestrator/Configuration.ts"
import {
  configurationVariables,
  decodeConfiguration,
  lifeSettings,
  repositorySettings,
} from "../../../src/domain/orchestrator/ConfigurationFile.ts"
import type { Variables } from "../../../src/domain/orchestrator/ConfigurationFile.ts"
import { repositoryEntry } from "../../../src/domain/orchestrator/RepositoryPattern.ts"

const example: unknown = parse(
  readFileSync(new URL("../../fixtures/orchestrator/orchestrator.yaml", import.meta.url), "utf8"),
)
const least = {
  forge: { api: "https://git.example.org/api/v1", token: { env: "T" } },
  repositories: { "acme/cellar": null },
}

const decoded = (value: unknown, variables?: Variables) =>
  Effect.runSync(decodeConfiguration("orchestrator.yaml", value, variables))
const told = (value: unknown, variables?: Variables) =>
  Either.match(Effect.runSync(Effect.either(decodeConfiguration("o.yaml", value, variables))), {
    onLeft: ({ file, key, expected }) => [...(file === "o.yaml" ? [] : [file]), key, expected],
    onRight: () => "accepted",
  })
const minutes = Duration.minutes

describe("the configuration", () => {
  it("takes the example with every key", () => {
    const configuration = decoded(example)
    expect(configuration.sweep).toEqual(minutes(5))
    expect(configuration.frozen.expire).toEqual(Duration.days(30))
    expect(configuration.operators).toEqual({ ada: { token: { file: "~/.config/bot-bottle/ada" } } })
    expect(configuration.budgets).toEqual({ timeZone: "Europe/Berlin", day: { cost: 100 } })
    expect(configuration.repositories["acme/cellar"]).toEqual({
      agents: ["carpenter"],
      bottles: ["node22"],
      base: "main",
      limits: { running: 2 },
      budgets: { day: { cost: 20 } },
    })
  })

  it("needs a forge, its token and repositories; all else has a default", () => {
    expect(told(null)).toEqual(["forge", "is missing: expected a map with api and token"])
    expect(told({ ...least, repositories: undefined })).toEqual([
      "repositories",
      "expected a map of repositories by OWNER/NAME",
    ])
    expect(decoded(least)).toEqual({
      ...least,
      forge: { ...least.forge, accounts: {}, org: "bot-bottle", closingKeywords: [] },
      listen: "127.0.0.1:7320",
      sweep: minutes(5),
      settle: minutes(1),
      resumeOn: "any",
      ciFeedback: 0,
      onConflict: "ignore",
      acknowledge: "none",
      closeGrace: minutes(10),
      watchdog: minutes(30),
      frozen: { expire: Duration.days(30) },
      limits: { running: 8 },
      budgets: { timeZone: "UTC" },
      notify: [],
      operators: {},
      retention: { provenance: Duration.days(365), output: Duration.days(30) },
    })
  })

  const secret = "s3cret-in-the-wrong-place"
  it.each<readonly [Readonly<Record<string, unknown>>, string, RegExp]>([
    [
      { forge: { ...least.forge, api: "ftp://x" } },
      "forge.api",
      /^expected the http or https URL of the forge's API/,
    ],
    [
      { forge: { ...least.forge, token: secret } },
      "forge.token",
      /^expected \{env: NAME\}, \{file: PATH\} or \{command: .* never the secret itself$/,
    ],
    [{ forge: { ...least.forge, token: { env: "A B" } } }, "forge.token", /never the secret itself$/],
    [
      { forge: { ...least.forge, token: { env: "T", file: "x" } } },
      "forge.token",
      /never the secret itself$/,
    ],
    [{ forge: { ...least.forge, token: { command: ["pass"] } } }, "forge.token", /never the secret itself$/],
    [
      { forge: { ...least.forge, token: { command: [], ttl: "5 minutes" } } },
      "forge.token",
      /never the secret itself$/,
    ],
    [{ forge: { ...least.forge, org: "a/b" } }, "forge.org", /^expected a name/],
    [{ forge: { ...least.forge, keywords: [] } }, "forge.keywords", /^unknown key: expected/],
    [{ repositories: { cellar: {} } }, "repositories.cellar", /OWNER\/NAME/],
    [
      { repositories: { "acme/cellar": { agent: "x" } } },
      'repositories."acme/cellar".agent',
      /^unknown key: expected "agents"/,
    ],
    [
      { repositories: { "acme/cellar": { limits: { running: 0 } } } },
      'repositories."acme/cellar".limits.running',
      /^expected a whole number from 1/,
    ],
    [
      { repositories: { "acme/cellar": { budgets: { day: { cost: -1 } } } } },
      'repositories."acme/cellar".budgets.day.cost',
      /^expected a number above 0/,
    ],
    [{ repositories: { "a/b": {}, "A/B": {} } }, "repositories.A/B", /twice/],
    [{ listen: "7320" }, "listen", /^expected HOST:PORT/],
    [{ listen: "127.0.0.1:99999" }, "listen", /^expected HOST:PORT/],
    [{ publicUrl: "https://user:pw@x" }, "publicUrl", /^expected an http or https URL/],
    [{ webhook: {} }, "webhook.secret", /^is missing: expected \{env: NAME\}/],
    [{ sweep: 5 }, "sweep", /^expected a duration such as 5 minutes/],
    [{ sweep: "soon" }, "sweep", /^expected a duration such as 5 minutes/],
    [{ sweep: "-5 minutes" }, "sweep", /^expected a duration/],
    [{ settle: "0 seconds" }, "settle", /^expected a duration/],
    [{ resumeOn: "always" }, "resumeOn", /^expected any or mention/],
    [{ ciFeedback: -1 }, "ciFeedback", /^expected a whole number from 0/],
    [{ onConflict: true }, "onConflict", /^expected ignore or resume/],
    [{ frozen: { expires: "1 day" } }, "frozen.expires", /^unknown key: expected "expire"/],
    [{ limits: { running: 1.5 } }, "limits.running", /^expected a whole number from 1/],
    [{ budgets: { timeZone: "Berlin" } }, "budgets.timeZone", /^expected a time zone such as/],
    [
      { notify: [{ url: "x", format: "ntfy", events: ["failed"] }] },
      "notify.0.url",
      /^expected an http or https URL/,
    ],
    [
      { notify: [{ url: "https://x", format: "mail", events: ["failed"] }] },
      "notify.0.format",
      /^expected json or slack or ntfy/,
    ],
    [
      { notify: [{ url: "https://x", format: "json", events: ["all"] }] },
      "notify.0.events.0",
      /^expected blocked or failed/,
    ],
    [{ operators: { ada: { token: secret } } }, "operators.ada.token", /never the secret itself$/],
    [{ retention: { output: "for ever" } }, "retention.output", /^expected a duration/],
    [{ swep: "5 minutes" }, "swep", /^unknown key: expected "forge"/],
  ])("says of %j which key is wrong, and what is expected", (other, key, expected) => {
    const problem = told({ ...least, ...other })
    expect(problem).toEqual([key, expect.stringMatching(expected)])
    expect(JSON.stringify(problem)).not.toContain(secret)
  })

  it("does not drop a key called __proto__", () => {
    expect(told(JSON.parse('{"__proto__": {}}'))).toEqual(["__proto__", "unknown key"])
  })
})

describe("variables", () => {
  it("set every key, and win over the file", () => {
    const variables = {
      BOT_BOTTLE_ORCHESTRATOR_FORGE_API: "https://other.example.org/api/v1",
      BOT_BOTTLE_ORCHESTRATOR_FORGE_TOKEN: "the secret",
      BOT_BOTTLE_ORCHESTRATOR_FORGE_TRUST_ORG: "acme",
      BOT_BOTTLE_ORCHESTRATOR_WEBHOOK_SECRET_FILE: "/run/hook",
      BOT_BOTTLE_ORCHESTRATOR_REPOSITORIES: '{"acme/*": {}}',
      BOT_BOTTLE_ORCHESTRATOR_CI_FEEDBACK: "3",
      BOT_BOTTLE_ORCHESTRATOR_FROZEN_EXPIRE: "2 days",
      BOT_BOTTLE_ORCHESTRATOR_SWEEP: "1 minute",
    }
    for (const file of [example, null])
      expect(decoded(file, variables)).toMatchObject({
        forge: {
          api: "https://other.example.org/api/v1",
          token: { env: "BOT_BOTTLE_ORCHESTRATOR_FORGE_TOKEN" },
          trustOrg: "acme",
        },
        webhook: { secret: { file: "/run/hook" } },
        repositories: { "acme/*": {} },
        ciFeedback: 3,
        frozen: { expire: Duration.days(2) },
        sweep: minutes(1),
      })
  })

  it("are there for each key of the schema", () => {
    const keys = configurationVariables.map(([, key]) => key)
    const top = SchemaAST.getPropertySignatures(SchemaAST.encodedBoundAST(Configuration.ast)).map(
      ({ name }) => String(name),
    )
    expect(top.length).toBe(19)
    for (const name of top) expect(keys.some((key) => key === name || key.startsWith(`${name}.`))).toBe(true)
    expect(new Set(configurationVariables.map(([variable]) => variable)).size).toBe(
      configurationVariables.length,
    )
  })

  it("are named where they are wrong, and never quoted", () => {
    const name = (key: string) => `BOT_BOTTLE_ORCHESTRATOR_${key}`
    expect(told(least, { [name("SWEEP")]: "soon" })).toEqual([
      name("SWEEP"),
      "sweep",
      "expected a duration such as 5 minutes",
    ])
    expect(told(least, { [name("CI_FEEDBACK")]: "x" })).toEqual([
      name("CI_FEEDBACK"),
      "ciFeedback",
      "expected JSON",
    ])
    expect(told(least, { [name("REPOSITORIES")]: '{"x": {}}' })).toEqual([
      name("REPOSITORIES"),
      "repositories.x",
      expect.stringContaining("OWNER/NAME"),
    ])
    expect(told(least, { [name("FORGE_TOKEN")]: "a", [name("FORGE_TOKEN_FILE")]: "b" })).toEqual([
      name("FORGE_TOKEN"),
      "forge.token",
      expect.stringContaining("not both"),
    ])
    expect(told(least, { [name("SWEPE")]: "1 minute" })).toEqual([
      name("SWEPE"),
      "",
      "unknown variable of the orchestrator",
    ])
  })
})

describe("repositories", () => {
  const entries = { "acme/*": 1, "acme/cellar": 2, "acme/cel*": 3, "*/*": 4, "*/cellar": 5, "acme/*-docs": 6 }
  it.each([
    ["acme", "cellar", "acme/cellar"],
    ["ACME", "Cellar", "acme/cellar"],
    ["acme", "cello", "acme/cel*"],
    ["acme", "x", "acme/*"],
    ["acme", "cel-docs", "acme/*-docs"],
    ["other", "cellar", "*/cellar"],
    ["other", "x", "*/*"],
  ])(
    "finds for %s/%s the entry %s: the exact name, else the most specific pattern",
    (owner, repo, pattern) => {
      expect(Option.getOrThrow(repositoryEntry(entries, owner, repo)).pattern).toBe(pattern)
    },
  )

  it("are not served unless they are listed", () => {
    for (const [owner, repo] of [
      ["other", "cellar"],
      ["acme2", "cellar"],
      ["a", "acme/cellar"],
      ["acme", ""],
    ] as const)
      expect(repositoryEntry({ "acme/c*": 1 }, owner, repo)).toEqual(Option.none())
    expect(repositoryEntry({ "a*a/x": 1 }, "a", "x")).toEqual(Option.none())
  })

  it("match as a regular expression of the same meaning does, and take their order from nowhere else", () => {
    const part = FastCheck.array(FastCheck.constantFrom("a", "b", "*", "."), {
      minLength: 1,
      maxLength: 6,
    }).map((it) => it.join(""))
    FastCheck.assert(
      FastCheck.property(FastCheck.uniqueArray(part, { maxLength: 5 }), part, (patterns, name) => {
        const repo = name.replaceAll("*", "a")
        const of = (names: ReadonlyArray<string>) =>
          repositoryEntry(Object.fromEntries(names.map((it) => [`o/${it}`, 0])), "o", repo)
        const matching = patterns.filter((it) =>
          new RegExp(`^${it.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(repo),
        )
        expect(Option.isSome(of(patterns))).toBe(matching.length > 0)
        expect(of(patterns)).toEqual(of(patterns.toReversed()))
        if (patterns.includes(repo)) expect(Option.getOrThrow(of(patterns)).pattern).toBe(`o/${repo}`)
      }),
    )
  })

  it("have the settings of life that decide takes", () => {
    const configuration = decoded(example)
    const repository = Option.getOrThrow(repositorySettings(configuration, "acme", "cellar"))
    expect(lifeSettings(configuration, repository, { botLogin: "bot", paused: false })).toEqual({
      paused: false,
      botLogin: "bot",
      agents: ["carpenter"],
      bottles: ["node22"],
      settle: 60_000,
      resumeOn: "any",
      ciFeedback: 3,
      onConflict: "ignore",
      closeGrace: 600_000,
      expire: 2_592_000_000,
      watchdog: 1_800_000,
    })
    // Each key by a value that is not its default.
    const others = decoded({
      ...least,
      settle: "2 seconds",
      resumeOn: "mention",
      ciFeedback: 7,
      onConflict: "resume",
      closeGrace: "3 minutes",
      frozen: { expire: "4 hours" },
      watchdog: "5 minutes",
    })
    expect(lifeSettings(others, {}, { botLogin: "bot", paused: true })).toEqual({
      paused: true,
      botLogin: "bot",
      settle: 2_000,
      resumeOn: "mention",
      ciFeedback: 7,
      onConflict: "resume",
      closeGrace: 180_000,
      expire: 14_400_000,
      watchdog: 300_000,
    })
    expect(Option.getOrThrow(repositorySettings(configuration, "acme", "other"))).toEqual({})
    expect(repositorySettings(configuration, "evil", "cellar")).toEqual(Option.none())
  })
})
