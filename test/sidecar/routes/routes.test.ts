import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { readFileSync, statSync } from "node:fs"
import { type ServerResponse, request } from "node:http"
import { type AddressInfo, createServer } from "node:net"
import { join } from "node:path"
import { verifyChain } from "../../../src/sidecar/record/OperationChain.ts"
import { decodeDocument } from "../../../src/sidecar/SidecarDocument.ts"
import { KEY, nextPart, openCall, routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

const signal = Deferred.make<void>()
const give = (deferred: Deferred.Deferred<void>) => Deferred.unsafeDone(deferred, Effect.void)

describe("a call through a route", () => {
  it.scopedLive("gets the real credential, and none of the agent's own", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(`${model.url}/base`)])
      const answer = yield* neck.send({
        path: "/route/api/v1/messages?beta=true&api_key=mine&x=%20y",
        body: "hello",
        headers: {
          host: "evil.example",
          authorization: "Bearer mine",
          "proxy-authorization": "Basic mine",
          cookie: "session=mine",
          "x-api-key": "mine",
          x_api_key: "mine",
          content_length: "9 of mine",
          transfer_encoding: "mine",
          "api-key": "mine",
          "x-goog-api-key": "mine",
          "ocp-apim-subscription-key": "mine",
          "x-auth-token": "mine",
          "openai-organization": "mine",
          "openai-project": "mine",
          "x-goog-user-project": "mine",
          "anthropic-workspace-id": "mine",
          "chatgpt-account-id": "mine",
          forwarded: "for=mine",
          "x-forwarded-for": "mine",
          "x-forwarded-host": "mine",
          "x-real-ip": "mine",
          "x-http-method-override": "DELETE",
          "x-original-url": "/mine",
          te: "trailers",
          "keep-alive": "timeout=9",
          connection: "keep-alive, x-private, content-length",
          "x-private": "mine",
          "content-type": "application/json",
          "anthropic-version": "of mine",
          "idempotency-key": "kept",
          "user-agent": "agent/1",
        },
      })
      expect(answer).toMatchObject({ status: 200, text: "POST /base/v1/messages?beta=true&x=%20y" })
      const [{ headers, rawHeaders, body } = { headers: {}, rawHeaders: [], body: "" }] = model.asked
      expect(headers).toEqual({
        host: new URL(model.url).host,
        authorization: `Bearer ${KEY}`,
        "content-length": "5",
        "content-type": "application/json",
        "idempotency-key": "kept",
        "user-agent": "agent/1",
        connection: "keep-alive",
      })
      expect(rawHeaders.join("\n")).not.toContain("mine")
      expect(body).toBe("hello")
    }),
  )

  it.scopedLive("is logged before and after, by its path and never by query, body or key", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url, { allow: ["POST /v1/*"] })])
      yield* neck.send({ path: "/route/api/v1/messages?q=hidden", body: "secret words" })
      yield* neck.send({ path: "/route/api/v2/files?q=hidden", method: "GET" })
      yield* neck.send({ path: "/route/none/x", method: "GET" })
      expect(neck.entries()).toMatchObject([
        { op: "route", target: "api POST /v1/messages", phase: "begin", outcome: "ok" },
        {
          op: "route",
          target: "api POST /v1/messages",
          phase: "end",
          begin: 1,
          outcome: "ok",
          detail: "answered 200, 12 bytes up, 26 bytes down",
        },
        {
          op: "route",
          target: "api GET /v2/files",
          outcome: "rejected",
          reason: "not allowed by the route",
        },
        { op: "route", target: "none GET /x", outcome: "rejected", reason: "no such route" },
      ])
      expect(neck.logText()).not.toMatch(/hidden|secret words|sk-real/)
      expect(verifyChain(neck.lines())).toMatchObject({ ok: true, lines: 4 })
      expect(statSync(join(neck.directory, "state", "checkin")).isFile()).toBe(true)
    }),
  )

  it.scopedLive("answers token by token: the first is there before the second is sent", () =>
    Effect.gen(function* () {
      let answering: ServerResponse | undefined
      const model = yield* upstream((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write("data: 1\n\n")
        answering = response
      })
      const neck = yield* sidecarWith([routeTo(model.url)])
      const { outgoing, answer } = yield* openCall(neck.socketPath, { path: "/route/api/stream" })
      outgoing.end("{}")
      expect(answer.headers["content-type"]).toBe("text/event-stream")
      expect(yield* nextPart(answer)).toBe("data: 1\n\n")
      answering?.write("data: 2\n\n")
      expect(yield* nextPart(answer)).toBe("data: 2\n\n")
      answering?.end()
      expect(yield* nextPart(answer)).toBe("")
    }),
  )

  it.scopedLive("streams up too: the upstream answers to the first part before the second is written", () =>
    Effect.gen(function* () {
      const model = yield* upstream((incoming, response) => {
        response.flushHeaders()
        incoming.on("data", (chunk) => response.write(`got ${String(chunk)}`))
        incoming.on("end", () => response.end())
      })
      const neck = yield* sidecarWith([routeTo(model.url)], { times: { requestTimeoutMs: 50 } })
      const { outgoing, answer } = yield* openCall(neck.socketPath, { path: "/route/api/duplex" })
      outgoing.write("one")
      expect(yield* nextPart(answer)).toBe("got one")
      // Longer than a request to the neck's own methods may take.
      yield* Effect.promise(() => new Promise((done) => setTimeout(done, 200)))
      outgoing.write("two")
      expect(yield* nextPart(answer)).toBe("got two")
      outgoing.end()
      expect(yield* nextPart(answer)).toBe("")
    }),
  )

  it.scopedLive("passes the upstream's errors on as they are, less its cookies and its echo of the key", () =>
    Effect.gen(function* () {
      const model = yield* upstream((incoming, response) => {
        incoming.resume()
        response.writeHead(incoming.url === "/slow" ? 429 : 500, {
          "retry-after": "7",
          "set-cookie": "session=account",
          "x-echo": incoming.headers.authorization ?? "",
          connection: "x-hop",
          "x-hop": "1",
        })
        response.end('{"error":"why"}')
      })
      const neck = yield* sidecarWith([routeTo(model.url)])
      const { answer } = yield* openCall(neck.socketPath, { path: "/route/api/slow", method: "GET" })
      expect(answer.statusCode).toBe(429)
      expect(answer.headers).toMatchObject({ "retry-after": "7" })
      expect(Object.keys(answer.headers)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/cookie|echo|hop/)]),
      )
      expect(yield* nextPart(answer)).toBe('{"error":"why"}')
      expect(yield* neck.send({ path: "/route/api/x", body: "{}" })).toMatchObject({
        status: 500,
        text: '{"error":"why"}',
      })
    }),
  )

  it.scopedLive("is cut off when the upstream is, and never looks whole", () =>
    Effect.gen(function* () {
      const model = yield* upstream((_, response) => {
        response.writeHead(200, { "content-length": "100" })
        response.write("half", () => response.destroy())
      })
      const neck = yield* sidecarWith([routeTo(model.url)])
      const { answer } = yield* openCall(neck.socketPath, { path: "/route/api/x", method: "GET" })
      const first = yield* nextPart(answer)
      expect(first === "half" ? yield* nextPart(answer) : first).toBe("cut")
      expect(neck.entries()[1]).toMatchObject({
        outcome: "failed",
        reason: "the upstream cut the answer off",
        detail: expect.stringMatching(/^answered 200, 0 bytes up/) as string,
      })
    }),
  )

  it.scopedLive("ends at the upstream when the agent goes away", () =>
    Effect.gen(function* () {
      const begun = yield* signal
      const gone = yield* signal
      const model = yield* upstream((incoming, response) => {
        response.on("close", () => give(gone))
        incoming.resume()
        response.flushHeaders()
        give(begun)
      })
      const neck = yield* sidecarWith([routeTo(model.url)])
      const { outgoing } = yield* openCall(neck.socketPath, { path: "/route/api/x" })
      yield* Deferred.await(begun)
      outgoing.destroy()
      yield* Deferred.await(gone)
    }),
  )

  it.scopedLive(
    "of which nothing is heard for too long is 504, and an upstream that is not there 502 with one line",
    () =>
      Effect.gen(function* () {
        const silent = yield* upstream(() => undefined)
        const neck = yield* sidecarWith(
          [routeTo(silent.url), routeTo("http://127.0.0.1:1", { name: "none" })],
          { times: { routeIdleMs: 100 } },
        )
        expect(yield* neck.send({ path: "/route/api/x", body: "{}" })).toMatchObject({
          status: 504,
          text: "route api: the upstream said nothing for 0 s\n",
        })
        expect(yield* neck.send({ path: "/route/none/x", body: "x".repeat(1 << 20) })).toMatchObject({
          status: 502,
          text: "route none: the upstream could not be reached (ECONNREFUSED)\n",
        })
        expect(neck.entries().at(-1)).toMatchObject({ op: "route", phase: "end", outcome: "failed" })
      }),
  )

  it.scopedLive("that is answered before it was read is answered whole", () =>
    Effect.gen(function* () {
      const model = yield* upstream((_, response) => {
        response.writeHead(413, { connection: "close" })
        response.end("too large")
      })
      const neck = yield* sidecarWith([routeTo(model.url)])
      const answer = yield* neck.send({ path: "/route/api/x", body: Buffer.alloc(8 << 20) })
      expect(answer).toMatchObject({ status: 413, text: "too large" })
      expect(yield* neck.send({ path: "/healthz", method: "GET" })).toMatchObject({ status: 200 })
    }),
  )

  it.scopedLive("goes back and forth with megabytes, unchanged, with and without a length", () =>
    Effect.gen(function* () {
      const model = yield* upstream((incoming, response) => void incoming.pipe(response))
      const neck = yield* sidecarWith([routeTo(model.url)])
      const body = "0123456789abcdef".repeat(1 << 18)
      expect((yield* neck.send({ path: "/route/api/x", body })).text === body).toBe(true)
      const chunked = { "transfer-encoding": "chunked" }
      expect((yield* neck.send({ path: "/route/api/x", body, headers: chunked })).text === body).toBe(true)
      expect(model.asked.map(({ headers }) => headers["content-length"])).toEqual([
        String(1 << 22),
        undefined,
      ])
    }),
  )

  it.scopedLive(
    "follows no redirect: one within the upstream leads through the route, another leads nowhere",
    () =>
      Effect.gen(function* () {
        const elsewhere = yield* upstream()
        const model = yield* upstream((incoming, response) => {
          const location = new URL(incoming.url ?? "", "http://x").searchParams.get("to") ?? ""
          response.writeHead(307, { location }).end()
        })
        const neck = yield* sidecarWith([routeTo(`${model.url}/base`)])
        const redirected = (to: string) =>
          Effect.map(
            openCall(neck.socketPath, { path: `/route/api/x?to=${encodeURIComponent(to)}`, method: "GET" }),
            ({ answer }) => [answer.statusCode, answer.headers.location],
          )
        expect(yield* redirected("/base/there?a=1")).toEqual([307, "/route/api/there?a=1"])
        expect(yield* redirected(`${model.url}/base/there`)).toEqual([307, "/route/api/there"])
        expect(yield* redirected("/other")).toEqual([307, undefined])
        expect(yield* redirected(elsewhere.url)).toEqual([307, undefined])
        expect(yield* redirected("//evil.example/x")).toEqual([307, undefined])
        expect(elsewhere.asked).toEqual([])
      }),
  )

  it.scopedLive("is one of at most 64 at once", () =>
    Effect.gen(function* () {
      const all = yield* signal
      const waiting: Array<ServerResponse> = []
      const model = yield* upstream((_, response) => {
        waiting.push(response)
        if (waiting.length === 64) give(all)
      })
      const neck = yield* sidecarWith([routeTo(model.url)])
      const path = "/route/api/x"
      const held = Array.from({ length: 64 }, () => {
        const asked = request({ socketPath: neck.socketPath, path, agent: false })
        asked.on("error", () => undefined)
        asked.end()
        return asked
      })
      yield* Deferred.await(all)
      expect(yield* neck.send({ path, method: "GET" })).toMatchObject({ status: 503 })
      expect(yield* neck.send({ path: "/healthz", method: "GET" })).toMatchObject({ status: 200 })
      waiting.forEach((response) => response.end())
      held.forEach((asked) => asked.destroy())
    }),
  )
})

describe("an upstream that does not keep to HTTP", () => {
  const answers: ReadonlyArray<readonly [string, string, number | "cut"]> = [
    ["no HTTP at all", "SSH-2.0-x\r\n", 502],
    ["a status that is none", "HTTP/1.1 000 Nothing\r\ncontent-length: 0\r\n\r\n", 502],
    ["a status of one digit", "HTTP/1.1 2 Short\r\ncontent-length: 0\r\n\r\n", 502],
    ["another protocol", "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", 502],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      502,
    ],
    ["a header that never ends", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}`, 502],
    ["a header with a zero byte", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n", 502],
    ["chunks that are none", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "cut"],
    ["less than it said", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "cut"],
    ["nothing", "", 502],
  ]
  it.scopedLive.each(answers)("and answers %s does not end the sidecar", ([, bytes, expected]) =>
    Effect.gen(function* () {
      const server = createServer((socket) => {
        socket.on("error", () => undefined)
        socket.once("data", () => socket.end(bytes))
      })
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close()),
      )
      const neck = yield* sidecarWith([routeTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)])
      const asked = yield* Effect.either(neck.send({ path: "/route/api/x", body: "hello" }))
      expect(asked._tag === "Left" ? "cut" : asked.right.status).toBe(expected)
      expect(neck.entries().at(-1)).toMatchObject({ phase: "end", outcome: "failed" })
      expect(yield* neck.send({ path: "/healthz", method: "GET" })).toMatchObject({ status: 200 })
    }),
  )
})

describe("a document's route", () => {
  const problems: ReadonlyArray<readonly [string, object, string]> = [
    [
      "plain http without private",
      { upstream: "http://example.com" },
      "upstream: plain http needs private: true",
    ],
    [
      "a loopback address",
      { upstream: "https://127.0.0.1" },
      "upstream: a private address needs private: true",
    ],
    ["a loopback address in one number", { upstream: "https://2130706433" }, "a private address"],
    ["a loopback address in octal", { upstream: "https://0177.1" }, "a private address"],
    ["a mapped address", { upstream: "https://[::ffff:10.0.0.1]" }, "a private address"],
    ["a metadata address", { upstream: "https://169.254.169.254" }, "a private address"],
    ["another protocol", { upstream: "ftp://example.com" }, "upstream: must be a URL such as"],
    ["a user in its URL", { upstream: "https://a:b@example.com" }, "upstream: must be a URL without"],
    ["a query in its URL", { upstream: "https://example.com?x=1" }, "upstream: must be a URL without"],
    ["a header that is none", { header: "a b" }, "header: must be the name of a header"],
    ["a header of the connection", { header: "Host" }, "header: must be one that can carry"],
    ["a scheme of two words", { scheme: "a b" }, "scheme: must be one word"],
    ["a value with a line break", { value: `${KEY}\r\nx: y` }, "value: must be one line"],
    ["no value", { value: "" }, "value: must be one line"],
    ["a name that leads elsewhere", { name: "../x" }, "name: must be letters"],
    ["a pattern without a method", { allow: ["/v1"] }, "allow: must be a METHOD and a path"],
  ]
  it.effect.each(problems)("with %s is refused without its value", ([, more, expected]) =>
    Effect.gen(function* () {
      const { private: _private, ...route } = routeTo("https://example.com")
      const text = JSON.stringify({
        slug: "door-abcde",
        socketPath: "/nowhere/neck.sock",
        stateDir: "/nowhere",
        routes: [{ ...route, ...more }],
      })
      const { message } = yield* Effect.flip(decodeDocument(text))
      expect(message).toContain(`routes.0.`)
      expect(message).toContain(expected)
      expect(message).not.toContain(KEY)
    }),
  )

  it.scopedLive("whose name leads to private addresses is dialled only when it is private", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const port = new URL(model.url).port
      const neck = yield* sidecarWith([
        routeTo(`https://localhost:${port}`, { name: "closed", private: false }),
        routeTo(`http://localhost:${port}`, { name: "open" }),
      ])
      expect(yield* neck.send({ path: "/route/closed/x", method: "GET" })).toMatchObject({
        status: 502,
        text: "route closed: the upstream has private addresses only, which needs private: true\n",
      })
      expect(yield* neck.send({ path: "/route/open/x", method: "GET" })).toMatchObject({ status: 200 })
      expect(model.asked.length).toBe(1)
    }),
  )
})

describe("the loopback neck", () => {
  it.scopedLive("serves routes below its secret prefix only, and tells where they are", () =>
    Effect.gen(function* () {
      const model = yield* upstream((_, response) => response.writeHead(302, { location: "/y" }).end())
      const neck = yield* sidecarWith([routeTo(model.url, { name: "my-api" })], { loopback: true })
      const file = readFileSync(join(neck.directory, "run", "neck", "loopback"), "utf8")
      const base = /BOT_BOTTLE_ROUTE_MY_API='(.*)'/.exec(file)?.[1] ?? ""
      const answer = yield* Effect.promise(() => fetch(`${base}/x`, { redirect: "manual" }))
      expect([answer.status, answer.headers.get("location")]).toEqual([302, `${new URL(base).pathname}/y`])
      const outside = yield* Effect.promise(() => fetch(new URL("/route/my-api/x", base)))
      expect(outside.status).toBe(404)
      expect(model.asked.length).toBe(1)
    }),
  )
})
