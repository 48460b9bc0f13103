/** The forge token is sent in one header and is found nowhere else. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, LogLevel, Option, Redacted, Stream, Tracer } from "effect"
import { createServer } from "node:http"
import { inspect } from "node:util"
import * as GiteaForge from "../../../src/layers/gitea/GiteaForge.ts"
import type { ForgeApi } from "../../../src/services/Forge.ts"
import { emptyBody, type Fault, htmlBody, nullBody } from "../../../src/simulator/GiteaSimulator.ts"
import { keyOf } from "../../contracts/Forge.ts"
import { simulated, TOKEN } from "../../support/gitea.ts"

const everything = (forge: ForgeApi): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
  forge.self,
  forge.readIssue(17),
  forge.readPr(18),
  forge.readComments(17),
  forge.postComment(17, "x"),
  forge.updateDescription(17, "y"),
  forge.openPr({ title: "T", body: "", head: "bot-bottle/two" }),
  forge.isOrgMember("bots", "ann"),
  forge.canWrite("ann"),
  forge.getPrForIssue(17),
  Stream.runDrain(forge.targetedIssues("")),
  forge.listDeployKeys,
  forge.createDeployKey({ title: "t", publicKey: keyOf("A"), readOnly: true }),
  forge.deleteDeployKey(1),
]

const faults: ReadonlyArray<Fault> = [
  { kind: "refused" },
  { kind: "cut-off" },
  { kind: "slow" },
  { kind: "body", body: `{"number":"${TOKEN}"}` },
  { kind: "status", status: 403, body: `{"message":"${TOKEN}"}`, headers: { "x-echo": TOKEN } },
  { kind: "status", status: 500, body: TOKEN },
  { kind: "status", status: 301, headers: { location: `/api/v1/?token=${TOKEN}` } },
  nullBody,
  emptyBody,
  htmlBody,
]

/** Everything that anyone could print of an exit. */
const printed = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: () => "",
    onFailure: (cause) => {
      const error = Option.getOrUndefined(Cause.failureOption(cause))
      return [
        Cause.pretty(cause, { renderErrorCause: true }),
        inspect(cause, { depth: 20, showHidden: true }),
        inspect(error, { depth: 20, showHidden: true }),
        JSON.stringify(cause),
        JSON.stringify(error),
        String(error),
      ].join("\n")
    },
  })

describe("the forge token", () => {
  it.live("is in no error, log or span, whatever goes wrong", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const spans: Array<unknown> = []
      const seen: Array<string> = []
      const tracer = Tracer.make({
        context: (run) => run(),
        span: (name, parent, context, links, startTime, kind) => {
          const attributes = new Map<string, unknown>()
          spans.push([name, attributes])
          return {
            _tag: "Span",
            name,
            spanId: "0123456789abcdef",
            traceId: "0123456789abcdef0123456789abcdef",
            parent,
            context,
            links,
            kind,
            attributes,
            sampled: true,
            status: { _tag: "Started", startTime },
            end: () => undefined,
            attribute: (key, value) => void attributes.set(key, value),
            event: (event, _at, extra) => void attributes.set(event, extra),
            addLinks: () => undefined,
          }
        },
      })
      const { forge, sim } = yield* simulated({ requestTimeout: "100 millis" })
      yield* Effect.forEach(faults, (fault) => {
        sim.forget()
        sim.failNext({ ...fault, times: 9999 })
        return Effect.forEach(
          everything(forge),
          (call) =>
            Effect.exit(call).pipe(
              Effect.tap((exit) => Effect.logDebug(exit)),
              Effect.map(printed),
            ),
          { concurrency: "unbounded" },
        )
      }).pipe(
        Effect.tap((all) => Effect.sync(() => seen.push(...all.flat()))),
        Effect.withTracer(tracer),
        Effect.provide(
          Layer.merge(
            Logger.replace(
              Logger.defaultLogger,
              Logger.make((options) => void logged.push(Logger.structuredLogger.log(options))),
            ),
            Logger.minimumLogLevel(LogLevel.All),
          ),
        ),
      )
      expect(seen.filter((text) => text !== "").length).toBeGreaterThan(80)
      for (const text of [...seen, inspect(logged, { depth: 20 }), inspect(spans, { depth: 20 })]) {
        expect(text).not.toContain(TOKEN)
      }
      expect(inspect(forge, { depth: 20, showHidden: true })).not.toContain(TOKEN)
      expect(spans.length).toBeGreaterThan(0)
    }).pipe(Effect.scoped),
  )

  it.live("is sent in the Authorization header alone, with no trace of ours", () =>
    Effect.gen(function* () {
      const seen: Array<{ readonly url: string | undefined; readonly raw: ReadonlyArray<string> }> = []
      const server = createServer((request, response) => {
        seen.push({ url: request.url, raw: request.rawHeaders })
        response.writeHead(404).end()
      })
      const port = yield* Effect.acquireRelease(
        Effect.async<number>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        }),
        () => Effect.sync(() => server.closeAllConnections() ?? server.close()),
      )
      const forge = yield* GiteaForge.make({
        apiUrl: `http://127.0.0.1:${port}/api/v1/`,
        owner: "acme",
        repo: "tool",
        token: Redacted.make(TOKEN),
      })
      yield* Effect.ignore(Effect.withSpan(forge.readIssue(17), "caller"))
      expect(seen).toHaveLength(1)
      expect(seen[0]?.url).toBe("/api/v1/repos/acme/tool/issues/17")
      const names = seen[0]?.raw.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()) ?? []
      expect(names.sort()).toEqual(["accept", "authorization", "connection", "host", "user-agent"])
      expect(seen[0]?.raw.filter((value) => value.includes(TOKEN))).toEqual([`token ${TOKEN}`])
    }).pipe(Effect.scoped),
  )
})
