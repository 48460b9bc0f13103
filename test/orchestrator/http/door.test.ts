/** The door of the HTTP interface, attacked: sign-in, sessions, one-time links, other sites, other names, and headers that lie. */
import { describe, expect, it } from "@effect/vitest"
import { type Context, Effect, Option, Schedule } from "effect"
import { connect } from "node:net"
import { newCode } from "../../../src/orchestrator/http/door/sessions.ts"
import { History } from "../../../src/services/History.ts"
import { ServiceState } from "../../../src/services/ServiceState.ts"
import { makeSimulated } from "../simulated.ts"
import { type Answer, ask, form } from "./ask.ts"

const ADA = "ada-0123456789abcdef0123456789abcdef"
const operators = { ada: { token: { env: "A" } } }

const served = Effect.fnUntraced(function* (tokens: Record<string, string> = {}) {
  const own: Record<string, string> = { "operators.ada.token": ADA, ...tokens }
  const world = yield* makeSimulated({
    more: { operators, publicUrl: "https://bots.example.org" },
    tokens: own,
  })
  const { listening } = yield* world.serve
  return { world, listening, tokens: own, code: Effect.provide(newCode("ada"), world.context) }
})

const cookieIn = ({ headers }: Answer): string => String(headers["set-cookie"]).split(";")[0] ?? ""
const signedIn = (listening: string) =>
  Effect.map(ask(listening, "/sign-in", form({ token: ADA }, listening)), cookieIn)
const isPaused = (context: Context.Context<ServiceState>) =>
  Effect.provide(
    Effect.flatMap(ServiceState, ({ pausedAt }) => Effect.map(pausedAt, Option.isSome)),
    context,
  )

/** What the service sends back to these bytes. */
const raw = (listening: string, bytes: string) =>
  Effect.async<string>((resume) => {
    const [host = "", port = ""] = listening.split(":")
    const socket = connect(Number(port), host, () => socket.write(bytes))
    let text = ""
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1")
      if (text.includes("\r\n\r\n")) socket.end()
    })
    socket.on("close", () => resume(Effect.succeed(text)))
    socket.on("error", () => resume(Effect.succeed(text)))
  })

describe("sign-in", () => {
  it.scopedLive(
    "gives a token's operator a cookie that no script reads and no other site sends, until it is signed out",
    () =>
      Effect.gen(function* () {
        const { listening } = yield* served()
        const answer = yield* ask(listening, "/sign-in", form({ token: ` ${ADA}\n` }, listening))
        expect([answer.status, answer.headers["location"]]).toEqual([303, "/"])
        expect(String(answer.headers["set-cookie"])).toMatch(
          /^bot-bottle-session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
        )
        const cookie = cookieIn(answer)
        const status = (path: string, headers: Record<string, string>) =>
          Effect.map(ask(listening, path, { headers }), (it) => it.status)
        expect(yield* status("/status", { cookie })).toBe(200)
        expect(yield* status("/", { cookie: `other=1; ${cookie}` })).toBe(200)
        for (const bad of [
          `${cookie}x`,
          cookie.slice(0, -1),
          `${cookie}; ${cookie}`,
          "bot-bottle-session=",
          `x${cookie}`,
        ])
          expect([bad, yield* status("/status", { cookie: bad })]).toEqual([bad, 401])
        // Who gives a wrong token is not let in by a cookie.
        expect(yield* status("/status", { cookie, authorization: "Bearer wrong" })).toBe(401)
        const secure = yield* ask(listening, "/sign-in", {
          ...form({ token: ADA }, listening),
          headers: {
            ...form({}, listening).headers,
            host: "bots.example.org",
            origin: "https://bots.example.org",
          },
        })
        expect(String(secure.headers["set-cookie"])).toMatch(/; Secure$/)
        const out = yield* ask(listening, "/sign-out", {
          method: "POST",
          headers: { cookie, origin: `http://${listening}` },
        })
        expect([out.status, String(out.headers["set-cookie"])]).toEqual([
          303,
          expect.stringMatching(/Max-Age=0/),
        ])
        expect(yield* status("/status", { cookie })).toBe(401)
      }),
  )

  it.scopedLive("ends the sessions of an operator whose token changed or is gone", () =>
    Effect.gen(function* () {
      const { listening, tokens } = yield* served()
      const cookie = yield* signedIn(listening)
      const status = Effect.map(ask(listening, "/status", { headers: { cookie } }), (it) => it.status)
      expect(yield* status).toBe(200)
      tokens["operators.ada.token"] = `${ADA}-new`
      expect(yield* status).toBe(401)
      tokens["operators.ada.token"] = ADA
      expect(yield* status).toBe(200)
      delete tokens["operators.ada.token"]
      expect(yield* status).toBe(401)
    }),
  )

  it.scopedLive(
    "is limited: after ten failures in a minute even the right token waits, and a link still works",
    () =>
      Effect.gen(function* () {
        const { listening, code } = yield* served()
        const attempt = (token: string) => ask(listening, "/sign-in", form({ token }, listening))
        const tried = yield* Effect.forEach(
          Array.from({ length: 30 }),
          (_, n) => attempt(`guess-${n}-0123456789`),
          {
            concurrency: "unbounded",
          },
        )
        expect(tried.filter(({ status }) => status === 401)).toHaveLength(10)
        expect(tried.filter(({ status }) => status === 429)).toHaveLength(20)
        const right = yield* attempt(ADA)
        expect([right.status, right.headers["set-cookie"]]).toEqual([429, undefined])
        expect(Number(right.headers["retry-after"])).toBeGreaterThan(0)
        expect((yield* ask(listening, "/sign-in", form({ code: yield* code }, listening))).status).toBe(303)
      }),
  )

  it.scopedLive(
    "takes a one-time link once, however many use it at a time, and not when a preview only looks at it",
    () =>
      Effect.gen(function* () {
        const { listening, code } = yield* served()
        const once = yield* code
        const page = yield* ask(listening, `/sign-in?code=${once}`)
        expect(page.text).toContain(`value="${once}"`)
        const used = yield* Effect.forEach(
          Array.from({ length: 8 }),
          () => ask(listening, "/sign-in", form({ code: once }, listening)),
          { concurrency: "unbounded" },
        )
        expect(used.map(({ status }) => status).toSorted()).toEqual([
          303,
          ...Array.from({ length: 7 }, () => 401),
        ])
        const winner = used.find(({ status }) => status === 303)
        expect(
          winner === undefined
            ? 0
            : (yield* ask(listening, "/status", { headers: { cookie: cookieIn(winner) } })).status,
        ).toBe(200)
        for (const bad of ["", "x", `${once}'--`, "a".repeat(43), "a".repeat(10_000)])
          expect((yield* ask(listening, "/sign-in", form({ code: bad }, listening))).status).toBeGreaterThan(
            400,
          )
      }),
  )

  it.scopedLive(
    "shows a hostile link and a hostile token as text, and reads no form that is too large or is none",
    () =>
      Effect.gen(function* () {
        const { listening } = yield* served()
        const hostile = `"><script>alert(1)</script>`
        const { text, headers } = yield* ask(listening, `/sign-in?code=${encodeURIComponent(hostile)}`)
        expect(text).not.toContain("<script")
        expect(headers["content-security-policy"]).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
        const large = yield* ask(listening, "/sign-in", form({ token: "x".repeat(100_000) }, listening))
        expect(large.status).toBe(400)
        const json = { ...form({}, listening), body: "{}" }
        const typed = { ...json, headers: { ...json.headers, "content-type": "application/json" } }
        expect((yield* ask(listening, "/sign-in", typed)).status).toBe(400)
        expect((yield* ask(listening, "/sign-in", { ...json, method: "PUT" })).status).toBe(405)
      }),
  )
})

describe("a page of another site", () => {
  it.scopedLive("writes nothing with an operator's cookie, reads nothing, and signs nobody in", () =>
    Effect.gen(function* () {
      const { world, listening } = yield* served()
      const cookie = yield* signedIn(listening)
      const pause = (headers: Record<string, string>) =>
        Effect.map(
          ask(listening, "/pause", { method: "POST", headers: { cookie, ...headers } }),
          (it) => it.status,
        )
      const [, port] = listening.split(":")
      for (const origin of [
        "https://evil.example",
        "null",
        "",
        `http://127.0.0.1:${Number(port) + 1}`,
        `http://localhost:${port}`,
        "https://bots.example.org.evil.example",
        "http://bots.example.org",
        `http://${listening}/`,
        `http://${listening}@evil.example`,
      ])
        expect([origin, yield* pause({ origin })]).toEqual([origin, 403])
      expect(yield* pause({})).toBe(403)
      expect(yield* pause({ origin: `http://${listening}`, "sec-fetch-site": "cross-site" })).toBe(403)
      expect(yield* pause({ origin: `http://${listening}`, "sec-fetch-site": "same-site" })).toBe(403)
      expect(yield* isPaused(world.context)).toBe(false)
      const reads = { cookie, origin: "https://evil.example" }
      expect((yield* ask(listening, "/status", { headers: reads })).status).toBe(403)
      for (const origin of ["https://evil.example", "null"]) {
        const { headers, ...rest } = form({ token: ADA }, listening)
        const foreign = yield* ask(listening, "/sign-in", { ...rest, headers: { ...headers, origin } })
        expect([foreign.status, foreign.headers["set-cookie"]]).toEqual([403, undefined])
      }
      const entries = yield* Effect.provide(
        Effect.flatMap(History, ({ all }) => all({ limit: 9 })),
        world.context,
      )
      expect(entries).toEqual([])
      expect(yield* pause({ origin: `http://${listening}` })).toBe(200)
      expect(yield* pause({ origin: "https://bots.example.org", host: "bots.example.org" })).toBe(200)
      expect(yield* isPaused(world.context)).toBe(true)
    }),
  )

  it.scopedLive("cannot frame, sniff, cache or script what it is given", () =>
    Effect.gen(function* () {
      const { listening } = yield* served()
      const authorization = `Bearer ${ADA}`
      for (const path of [
        "/",
        "/sign-in",
        "/sign-in.css",
        "/status",
        "/openapi.json",
        "/metrics",
        "/nothing",
        "/issues/a/b/0",
      ])
        for (const headers of [{}, { authorization }] as const) {
          const answer = yield* ask(listening, path, { headers })
          expect([path, answer.headers]).toEqual([
            path,
            expect.objectContaining({
              "content-security-policy": expect.not.stringMatching(/unsafe|\*/),
              "x-frame-options": "DENY",
              "x-content-type-options": "nosniff",
              "cache-control": "no-store",
              "referrer-policy": "same-origin",
              "cross-origin-resource-policy": "same-origin",
            }),
          ])
          expect(answer.headers["access-control-allow-origin"]).toBe(undefined)
        }
    }),
  )
})

describe("a request that lies", () => {
  it.scopedLive(
    "passes no gate by headers that are there twice, by framing, by a whole URL, or by names of the service's own",
    () =>
      Effect.gen(function* () {
        const { listening } = yield* served()
        const head = (line: string, ...headers: ReadonlyArray<string>) =>
          raw(listening, [line, ...headers, "connection: close", "", ""].join("\r\n"))
        const host = `host: ${listening}`
        const token = `authorization: Bearer ${ADA}`
        const good = yield* head("GET /status HTTP/1.1", host, token)
        expect(good).toMatch(/^HTTP\/1.1 200 /)
        for (const [line, ...headers] of [
          ["GET /status HTTP/1.1", host, "host: evil.example", token],
          ["GET /status HTTP/1.1", "host: evil.example", host, token],
          ["GET /status HTTP/1.1", host, token, "Authorization: Bearer x"],
          ["GET /status HTTP/1.1", host, "authorization: Bearer x", token],
          [
            "POST /pause HTTP/1.1",
            host,
            token,
            `origin: http://${listening}`,
            "origin: https://evil.example",
          ],
          ["GET http://evil.example/status HTTP/1.1", host, token],
          ["GET //evil.example/status HTTP/1.1", host, token],
          ["GET /status HTTP/1.1", "host: evil.example", `x-forwarded-host: ${listening}`, token],
          ["GET /status HTTP/1.1", host, "x-bot-bottle-operator: ada"],
          ["GET /status HTTP/1.1", host, `proxy-authorization: Bearer ${ADA}`],
          ["GET /status HTTP/1.1", host, "bot-bottle/Operator: ada"],
          ["GET /status?authorization=Bearer%20x&access_token=x HTTP/1.1", host],
          ["GET /status HTTP/1.1", host, ` ${token}`],
          ["GET /status HTTP/1.1", token],
          ["POST /webhook/../status HTTP/1.1", host],
          ["GET /healthz/../status HTTP/1.1", host],
          ["GET /healthz%2f..%2fstatus HTTP/1.1", host],
          ["GET /sign-in/../status HTTP/1.1", host],
          ["GET /sign-in%00 HTTP/1.1", host],
          ["POST /pause HTTP/1.1", host, token, "content-length: 0", "transfer-encoding: chunked"],
          ["POST /pause HTTP/1.1", host, token, "content-length: 1", "content-length: 0"],
        ] as const)
          expect([line, ...headers, (yield* head(line, ...headers)).slice(9, 12)]).toEqual([
            line,
            ...headers,
            expect.stringMatching(/^4\d\d$/),
          ])
      }),
  )

  it.scopedLive("is answered with a status of its own, whatever its path, query, page and body are", () =>
    Effect.gen(function* () {
      const { listening } = yield* served()
      const authorization = `Bearer ${ADA}`
      for (const path of [
        "/issues?limit=1000000",
        "/issues?limit=1&limit=2",
        "/issues?limit=",
        "/issues?cursor=%F0%28%8C%28",
        `/issues?text=${"%".repeat(300)}`,
        "/issues?phase=asleep",
        "/issues?repository=../../etc",
        "/issues/%zz/b/1",
        "/issues/a/b/99999999999999999999",
        "/issues/a%2fb/c/1",
        "/bottles/..%2f..%2fetc%2fpasswd",
        "/bottles/..%2f..%2fetc%2fpasswd/log",
        "/bottles/-x/runs/1/output",
        "/bottles/x/runs/0/output",
        "/bottles/x/runs/1e3/output?from=-1",
        "/bottles/x/runs/1/output?limit=999999999",
        "/usage?from=2026-99-99&to=x",
        "/usage?by=secret",
        "/events?after=-5",
        `/${"a".repeat(10_000)}`,
        "/%",
      ])
        expect([
          path,
          Math.floor((yield* ask(listening, path, { headers: { authorization } })).status / 100),
        ]).toEqual([path, 4])
      for (const body of ["{", "x".repeat(200_000), "\u0000", ""]) {
        const posted = yield* ask(listening, "/continue", {
          method: "POST",
          headers: { authorization, "content-type": "application/json" },
          body,
        })
        expect(posted.status).toBe(200)
      }
      for (const id of ["-1", "x", "1e400"]) {
        const streamed = yield* ask(listening, "/events", { headers: { authorization, "last-event-id": id } })
        expect([id, streamed.status]).toEqual([id, 400])
      }
    }),
  )

  it.scopedLive(
    "has no more streams than there may be, and a stream ends soon after its viewer signed out",
    () =>
      Effect.gen(function* () {
        const { listening } = yield* served()
        const cookie = yield* signedIn(listening)
        const begun: Array<number> = []
        const onBegin = (status: number) => void begun.push(status)
        const stream = yield* Effect.fork(ask(listening, "/events", { headers: { cookie }, onBegin }))
        yield* Effect.repeat(Effect.yieldNow(), {
          until: () => begun.length > 0,
          schedule: Schedule.spaced("20 millis"),
        })
        expect(begun).toEqual([200])
        const out = { method: "POST", headers: { cookie, origin: `http://${listening}` } }
        yield* ask(listening, "/sign-out", out)
        const ended = yield* Effect.timeout(stream.await, "30 seconds")
        expect(ended._tag).toBe("Success")
        const open = Array.from({ length: 128 }, () =>
          ask(listening, "/events", { headers: { authorization: `Bearer ${ADA}` } }),
        )
        const viewers = yield* Effect.forkAll(open)
        const more = ask(listening, "/bottles/none-abcde/log/live", {
          headers: { authorization: `Bearer ${ADA}` },
        })
        expect((yield* more).status).toBe(404)
        const last = Effect.timeoutOption(
          ask(listening, "/events", { headers: { authorization: `Bearer ${ADA}` } }),
          "2 seconds",
        )
        const refused = yield* Effect.repeat(last, {
          until: Option.isSome,
          schedule: Schedule.spaced("100 millis"),
        }).pipe(Effect.zipRight(last))
        expect(Option.map(refused, ({ status }) => status)).toEqual(Option.some(429))
        yield* viewers.interruptAsFork(viewers.id())
      }),
  )
})
