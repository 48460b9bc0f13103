import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { raw } from "../../support/rpc.ts"
import { KEY, routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)

describe("a route refuses before anything is sent", () => {
  const paths: ReadonlyArray<string> = [
    "/../x",
    "/v1/../files",
    "/v1/..",
    "/v1/./x",
    "/v1/%2e%2e/files",
    "/v1/.%2E/files",
    "/v1/%2e/files",
    "/v1/..;/files",
    "/v1/..%3bx/files",
    "/v1/..%2ffiles",
    "/v1%2ffiles",
    "/v1\\files",
    "/v1/%5c..%5cfiles",
    "/v1/%252e%252e/files",
    "/v1/%25%32%65/x",
    "/v1/%00",
    "/v1/%zz",
    "/v1/%2",
    "//evil.example/x",
    "/v1//files",
    "/v1/x#y",
    "/v1/\u00e9",
    "/v1/x?a=\u00e9",
  ]
  it.scopedLive.each(paths)("the path %s", (path) =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url)])
      const head = `GET /route/api${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`
      expect(statusOf(yield* raw(neck.socketPath, head))).toBe(400)
      expect(model.asked).toEqual([])
    }),
  )

  const smuggled = "GET /admin HTTP/1.1\r\nhost: x\r\n\r\n"
  const messages: ReadonlyArray<readonly [string, string]> = [
    ["two kinds of length", `content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ["two lengths", `content-length: 4\r\ncontent-length: 44\r\n\r\nabcd${smuggled}`],
    ["the same length twice", `content-length: 4\r\ncontent-length: 4\r\n\r\nabcd${smuggled}`],
    ["a list of lengths", `content-length: 4, 4\r\n\r\nabcd${smuggled}`],
    ["a signed length", `content-length: +4\r\n\r\nabcd${smuggled}`],
    ["a length in hex", `content-length: 0x4\r\n\r\nabcd${smuggled}`],
    ["another encoding", `transfer-encoding: gzip\r\n\r\n${smuggled}`],
    ["an encoding before chunked", `transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ["an encoding that looks like chunked", `transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ["chunked that is not last", `transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`],
    [
      "two encodings",
      `transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ["a space before a colon", `content-length : 4\r\n\r\nabcd${smuggled}`],
    ["a line break within a name", `x\ny: 1\r\n\r\n`],
    ["a bare carriage return in a value", `x: a\rcontent-length: 5\r\n\r\n${smuggled}`],
    ["a zero byte in a value", `x: a\0b\r\n\r\n`],
  ]
  it.scopedLive.each(messages)("a message with %s", ([, rest]) =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url)])
      const answer = yield* raw(
        neck.socketPath,
        `POST /route/api/v1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${rest}`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 400/)
      expect(model.asked).toEqual([])
    }),
  )

  it.scopedLive("a body whose chunks break off: the upstream never sees it end", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url)])
      const head = "POST /route/api/v1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
      for (const body of [
        "4\r\nabcd\r\nzz\r\n",
        "4\r\nabcdef\r\n0\r\n\r\n",
        "-1\r\n",
        "4;a\nb\r\nabcd\r\n0\r\n\r\n",
      ]) {
        const answer = yield* raw(neck.socketPath, head + body + smuggled)
        expect(answer).not.toMatch(/^HTTP\/1\.1 200/)
      }
      expect(model.asked.filter(({ url }) => url !== "/v1")).toEqual([])
    }),
  )

  it.scopedLive("methods that answer what was sent, or that its patterns do not have", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([
        routeTo(model.url, { name: "open" }),
        routeTo(model.url, {
          allow: ["POST /v1/messages", "GET /v1/models/*", "POST /v1/*:ask", "* /any/*/x"],
        }),
      ])
      const status = (method: string, path: string) =>
        Effect.map(neck.send({ method, path: `/route/${path}` }), ({ status }) => status)
      expect(yield* status("TRACE", "open/x")).toBe(403)
      expect(yield* status("PROPFIND", "open/x")).toBe(403)
      expect(yield* status("GET", "open")).toBe(200)
      expect(yield* status("POST", "api/v1/messages")).toBe(200)
      expect(yield* status("POST", "api/v1/messages?x=/files")).toBe(200)
      expect(yield* status("GET", "api/v1/models/a/b")).toBe(200)
      expect(yield* status("POST", "api/v1/some-model:ask")).toBe(200)
      expect(yield* status("DELETE", "api/any/thing/x")).toBe(200)
      const sent = model.asked.length
      for (const [method, path] of [
        ["GET", "api/v1/messages"],
        ["POST", "api/v1/messages/"],
        ["POST", "api/v1/messages/batches"],
        ["POST", "api/v1/%6dessages"],
        ["POST", "api/V1/messages"],
        ["GET", "api/v1/models"],
        ["GET", "api/v1/modelsx"],
        ["POST", "api/v1/a/b:ask"],
        ["POST", "api/v1/x:asked"],
        ["GET", "api/any/x"],
        ["GET", "api"],
      ] as const) {
        expect([path, yield* status(method, path)]).toEqual([path, 403])
      }
      expect(model.asked.length).toBe(sent)
    }),
  )

  it.scopedLive("names that are no routes, those of every object included", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url)])
      for (const name of ["", "API", "api2", "__proto__", "constructor", "..", "api%2f..", "%61pi"]) {
        const { status, text } = yield* neck.send({ path: `/route/${name}/x`, method: "GET" })
        expect([name, status >= 400 && status < 500, text.includes(KEY)]).toEqual([name, true, false])
      }
      expect(yield* neck.send({ path: "/route/none/x", method: "GET" })).toMatchObject({
        status: 404,
        text: "no such route: known are api\n",
      })
      expect(model.asked).toEqual([])
    }),
  )
})

describe("a route", () => {
  it.scopedLive("takes what the agent pipelines as calls of their own, each refused or made by itself", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url, { allow: ["POST /v1"] })])
      const one = "POST /route/api/v1 HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nabcd"
      const two = "GET /route/api/admin HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
      const answers = yield* raw(neck.socketPath, one + two)
      expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 403"])
      expect(model.asked.map(({ url }) => url)).toEqual(["/v1"])
    }),
  )

  it.scopedLive("does not change its protocol: an upgrade is a call like any other", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url)])
      const head =
        "GET /route/api/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n"
      expect(yield* raw(neck.socketPath, head)).toMatch(/^HTTP\/1\.1 200/)
      expect(model.asked[0]?.headers.upgrade).toBeUndefined()
    }),
  )
})
