/** The service's HTTP interface as operators, scrapers and strangers use it, over a whole life of an issue. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import parsePrometheus from "parse-prometheus-text-format"
import { at, makeSimulated } from "../simulated.ts"
import { ask as askWith } from "./ask.ts"

const ADA = "ada-0123456789abcdef0123456789abcdef"
const SHORT = "ab"
const operators = { ada: { token: { env: "A" } }, eve: { token: { env: "E" } } }
const options = {
  more: { operators, publicUrl: "https://bots.example.org" },
  tokens: { "operators.ada.token": ADA, "operators.eve.token": SHORT },
}

const ask = (
  listening: string,
  path: string,
  { method = "GET", ...headers }: Readonly<Record<string, string>> = {},
) =>
  Effect.map(askWith(listening, path, { method, headers }), ({ status, text, headers }) => ({
    status,
    text,
    type: String(headers["content-type"]),
  }))
const bearer = { authorization: `Bearer ${ADA}` }
const PROVENANCE = "/provenance?owner=ADA&repo=cellar&issue=17"

describe("the interface for operators", () => {
  it.scopedLive("answers nobody without a token, and no name but its own", () =>
    Effect.gen(function* () {
      const { listening } = yield* (yield* makeSimulated(options)).serve
      const status = (path: string, headers: Readonly<Record<string, string>> = {}) =>
        Effect.map(ask(listening, path, headers), (answer) => answer.status)
      expect([yield* status("/healthz"), yield* status("/readyz")]).toEqual([200, 200])
      expect(yield* status("/healthz", { host: "evil.example" })).toBe(200)
      for (const path of [
        "/",
        "/metrics",
        PROVENANCE,
        "/docs",
        "/openapi.json",
        "/nothing",
        "//metrics",
        "*",
      ]) {
        for (const authorization of [
          "",
          "Bearer",
          "Bearer ",
          `Bearer ${ADA.slice(0, -1)}`,
          `Bearer ${ADA}x`,
          `Bearer ${SHORT}`,
          `Basic ${ADA}`,
          `Bearer ${ADA} ${ADA}`,
        ])
          expect([
            path,
            authorization,
            yield* status(path, authorization === "" ? {} : { authorization }),
          ]).toEqual([path, authorization, 401])
        for (const host of [
          "evil.example",
          "bots.example.org.evil.example",
          "127.0.0.1.evil.example",
          "127.0.0.2",
        ])
          expect([host, yield* status(path, { ...bearer, host })]).toEqual([host, 403])
      }
      expect(yield* status("/metrics", { ...bearer, method: "POST" })).toBe(404)
      expect(yield* status("/webhook", { ...bearer, method: "POST" })).toBe(401)
      for (const host of [
        "bots.example.org",
        "BOTS.example.org:443",
        "localhost:7320",
        "127.0.0.1",
        "[::1]:80",
      ])
        expect([host, yield* status("/metrics", { ...bearer, host })]).toEqual([host, 200])
      expect(yield* status("/nothing", bearer)).toBe(404)
    }),
  )

  it.scopedLive(
    "has the signed statements about the runs of an issue, and metrics that a Prometheus parser reads",
    () =>
      Effect.gen(function* () {
        const world = yield* makeSimulated(options)
        const { listening } = yield* world.serve
        expect(yield* ask(listening, PROVENANCE, bearer)).toMatchObject({ status: 200, text: "[]" })
        yield* world.target(17)
        yield* world.until(17, ({ state: { phase } }) => phase === "frozen")
        const [run] = JSON.parse((yield* ask(listening, PROVENANCE, bearer)).text)
        expect(run).toMatchObject({
          run: 1,
          statement: {
            _type: "https://in-toto.io/Statement/v1",
            predicate: { agent: "carpenter", exit: { code: 0 }, issues: [{ owner: "ada", number: 17 }] },
          },
          envelope: {
            payloadType: "application/vnd.in-toto+json",
            signatures: [{ keyid: expect.any(String) }],
          },
        })
        expect((yield* ask(listening, "/provenance?owner=ada&repo=cellar", bearer)).status).toBe(400)

        const { text, type } = yield* ask(listening, "/metrics", bearer)
        expect(type).toBe("text/plain; version=0.0.4; charset=utf-8")
        const families = new Map(parsePrometheus(text).map((family) => [family.name, family]))
        const sample = (name: string, labels: Readonly<Record<string, string>> = {}) =>
          families.get(name)?.metrics.find((it) => JSON.stringify(it.labels ?? {}) === JSON.stringify(labels))
            ?.value
        expect(
          Number(sample("bot_bottle_operations_total", { operation: "launch", result: "done" })),
        ).toBeGreaterThan(0)
        expect(sample("bot_bottle_issues", { phase: "frozen" })).toBe("1")
        expect(sample("bot_bottle_paused")).toBe("0")
        expect(Number(sample("bot_bottle_webhooks_total", { result: "stored" }))).toBeGreaterThan(0)
        expect(Number(sample("bot_bottle_start_timestamp_seconds"))).toBeGreaterThan(1e9)
        const inFile = (path: string) =>
          new Set(
            readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8").match(/bot_bottle_[a-z_]+/g),
          )
        const known = [...families.keys()].toSorted()
        expect([...inFile("docs/orchestrator.md")].toSorted()).toEqual(known)
        for (const path of ["examples/monitoring/alerts.yaml", "examples/monitoring/dashboard.json"])
          expect([path, [...inFile(path)].filter((name) => !families.has(name))]).toEqual([path, []])
        for (const line of text.split("\n"))
          if (line.startsWith("# ")) expect(line).toMatch(/^# (HELP|TYPE) bot_bottle_[a-z_]+ \S/)
      }),
  )

  it.scopedLive("has no secret, no agent's text and no name of anything in its metrics", () =>
    Effect.gen(function* () {
      const world = yield* makeSimulated({
        ...options,
        work: (_, sim) => Effect.asVoid(sim.as("ada").comment(at(17), "words-of-a-stranger")),
      })
      const { listening } = yield* world.serve
      yield* world.target(17)
      yield* world.until(17, ({ state: { phase } }) => phase === "frozen")
      yield* ask(listening, "/metrics?name=injected-name", { authorization: "Bearer injected-token" })
      const { text } = yield* ask(listening, "/metrics", bearer)
      const labels = parsePrometheus(text).flatMap(({ metrics }) =>
        metrics.flatMap((it) => Object.entries(it.labels ?? {}).map(([key, value]) => `${key}=${value}`)),
      )
      expect([...new Set(labels)].filter((label) => !KNOWN.test(label))).toEqual([])
      for (const word of [
        ADA,
        "carpenter",
        "cellar",
        "words-of-a-stranger",
        "injected",
        "hook-secret",
        "bots.example",
      ])
        expect([word, text.includes(word)]).toEqual([word, false])
    }),
  )
})

/** Every label that the service may have, however it is fed. */
const KNOWN =
  /^(operation=(launch|resume|stop|freeze|destroy|other)|result=(done|failed|stored)|phase=(idle|running|frozen|destroyed)|reason=(host|malformed|origin|sign-in|token))$/
