import { describe, expect, it } from "@effect/vitest"
import {
  Client as ClientOfBoth,
  StreamableHTTPClientTransport as HttpOfBoth,
} from "@modelcontextprotocol/client"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { type AddressInfo, connect, createServer } from "node:net"
import { join } from "node:path"
import { builtIn } from "../../../src/sidecar/forge/calls/index.ts"
import { verifyChain } from "../../../src/sidecar/record/OperationChain.ts"
import * as QueueDir from "../../../src/sidecar/record/QueueDir.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { serve } from "../../support/serve.ts"
import { decodeDocument } from "../../../src/sidecar/SidecarDocument.ts"
import * as FakeForge from "../../../src/testing/FakeForge.ts"
import { send } from "../../support/rpc.ts"
import { tempDir } from "../../support/tempDir.ts"

const SLUG = "fix-abcde"
const OWN = `bot-bottle/${SLUG}`

/** A neck with a forge, and a TCP port that leads to its socket as the forwarder's does. */
const start = Effect.gen(function* () {
  const directory = yield* tempDir
  const fake = yield* FakeForge.make({
    owner: "ada",
    repo: "cellar",
    branches: [OWN],
    issues: [
      { number: 17, title: "The door", body: "It does not close.", author: "ada" },
      { number: 500, title: "Not ours", author: "ada" },
    ],
    pulls: [{ number: 42, title: "Ours", author: "bot", head: OWN, state: "closed" }],
  })
  const socketPath = join(directory, "run", "neck", "neck.sock")
  const document = yield* decodeDocument(
    JSON.stringify({
      slug: SLUG,
      socketPath,
      stateDir: join(directory, "state"),
      forge: {
        apiUrl: "http://127.0.0.1:9/api/v1",
        owner: "ada",
        repo: "cellar",
        token: "0123456789abcdef0123456789abcdef01234567",
        issueNumber: 17,
      },
    }),
  )
  yield* serve(document, { drainMs: 200 }).pipe(Effect.provide(FakeForge.forges(fake)))
  const forwarder = createServer((socket) => {
    const neck = connect(socketPath)
    socket.pipe(neck).pipe(socket)
    for (const end of [socket, neck]) end.on("error", () => (socket.destroy(), neck.destroy()))
  })
  yield* Effect.acquireRelease(
    Effect.async<void>((resume) => void forwarder.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => forwarder.close()),
  )
  const lines = () =>
    readFileSync(join(directory, "state", "operations.jsonl"), "utf8")
      .trim()
      .split("\n")
  return {
    fake,
    url: new URL(`http://127.0.0.1:${(forwarder.address() as AddressInfo).port}/mcp`),
    lines,
    entries: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>),
    events: Effect.map(QueueDir.events(join(directory, "state", "queue"), Slug.make(SLUG)), (list) =>
      list.map(({ event }) => event),
    ),
    post: (body: unknown, headers: Record<string, string> = {}) =>
      send(socketPath, {
        path: "/mcp",
        body: typeof body === "string" ? body : JSON.stringify(body),
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...headers,
        },
      }),
    request: (options: Parameters<typeof send>[1]) => send(socketPath, { path: "/mcp", ...options }),
  }
})

/** What both generations of clients can do. */
interface AnyClient {
  readonly listTools: () => Promise<{ readonly tools: ReadonlyArray<{ readonly name: string }> }>
  readonly callTool: (call: {
    readonly name: string
    readonly arguments: Record<string, unknown>
  }) => Promise<unknown>
  readonly close: () => Promise<void>
}

const INFO = { name: "test", version: "1" }

const clients: ReadonlyArray<readonly [string, (url: URL) => Promise<AnyClient>]> = [
  [
    "@modelcontextprotocol/sdk",
    async (url) => {
      const client = new Client(INFO)
      const transport = new StreamableHTTPClientTransport(url)
      await client.connect(transport as Parameters<typeof client.connect>[0])
      return client
    },
  ],
  ...(["legacy", "auto", { pin: "2026-07-28" }] as const).map(
    (mode): readonly [string, (url: URL) => Promise<AnyClient>] => [
      `@modelcontextprotocol/client (${typeof mode === "string" ? mode : mode.pin})`,
      async (url) => {
        const client = new ClientOfBoth(INFO, { versionNegotiation: { mode } })
        await client.connect(new HttpOfBoth(url))
        expect(client.getProtocolEra()).toBe(mode === "legacy" ? "legacy" : "modern")
        return client
      },
    ],
  ),
]

describe("the neck as an MCP server", () => {
  it.scopedLive.each(clients)("serves every tool to %s", ([, connectTo]) =>
    Effect.gen(function* () {
      const neck = yield* start
      const client = yield* Effect.acquireRelease(
        Effect.promise(() => connectTo(neck.url)),
        (client) => Effect.promise(() => client.close()),
      )
      const call = (name: string, given: Record<string, unknown>) =>
        Effect.promise(() => client.callTool({ name, arguments: given })).pipe(
          Effect.map((result) => {
            const { content, isError } = result as {
              readonly content: ReadonlyArray<{ readonly text: string }>
              readonly isError?: boolean
            }
            return [isError === true ? "error" : "ok", content[0]?.text ?? ""] as const
          }),
        )
      const { tools } = yield* Effect.promise(() => client.listTools())
      expect(tools.map(({ name }) => name)).toEqual(
        builtIn.flatMap(({ tool }) => (tool === undefined ? [] : [tool.name])),
      )

      const [, issue] = yield* call("read_issue", { number: 17 })
      expect(JSON.parse(issue)).toMatchObject({ number: 17, title: "The door", state: "open" })
      expect(JSON.parse((yield* call("read_pr", { number: 42 }))[1])).toMatchObject({ head: OWN })
      expect(yield* call("read_comments", { number: 17 })).toEqual(["ok", "[]"])
      expect(JSON.parse((yield* call("post_comment", { number: 17, body: "Done: \u{1f37e}" }))[1])).toEqual({
        id: expect.any(Number) as number,
      })
      expect(yield* call("update_description", { number: 17, body: "New." })).toEqual(["ok", "done"])
      const [, opened] = yield* call("open_pr", { title: "Fix", body: "It closes now.", head: OWN })
      expect(JSON.parse(opened)).toEqual({ number: expect.any(Number) as number })

      expect(yield* call("post_comment", { number: 500, body: "x" })).toEqual([
        "error",
        expect.stringContaining("write to #500 denied: out of assigned scope") as string,
      ])
      expect(yield* call("read_issue", { number: 42 })).toMatchObject([
        "error",
        expect.stringContaining("404"),
      ])
      expect(yield* call("read_issue", { number: "17" })).toMatchObject([
        "error",
        expect.stringContaining("invalid params: number") as string,
      ])
      const unknown = yield* Effect.promise(() =>
        client.callTool({ name: "rm", arguments: {} }).then(
          () => "answered",
          (error: { readonly code: number }) => error.code,
        ),
      )
      expect(unknown).toBe(-32602)
      expect(yield* call("signal_done", { status: "success", summary: "fixed" })).toEqual(["ok", "done"])

      expect(neck.fake.writes).toMatchObject([
        { method: "postComment", number: 17, body: "Done: \u{1f37e}" },
        { method: "updateDescription", body: "New." },
        { method: "openPr" },
      ])
      expect((yield* neck.events).map(({ kind }) => kind)).toEqual(["pr-opened", "blocked-write", "done"])
      expect(neck.entries().filter(({ outcome }) => outcome === "rejected")).toMatchObject([
        { op: "post_comment", target: "#500", reason: "out of scope" },
        { op: "read_issue", reason: "invalid parameters" },
        { op: "rm", reason: "no such method" },
      ])
      expect(verifyChain(neck.lines())).toMatchObject({ ok: true })
    }),
  )
})

const request = (method: string, params: object = {}, id: unknown = 1) => ({
  jsonrpc: "2.0",
  method,
  params,
  id,
})
const stateless = (method: string, params: object = {}, version = "2026-07-28") => ({
  body: request(method, {
    ...params,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": version,
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  }),
  headers: { "mcp-protocol-version": version, "mcp-method": method },
})
const errorOf = (code: number) => ({ error: { code } })

describe("a message of MCP", () => {
  it.scopedLive("agrees on a version by initialize: what was asked for, else our newest", () =>
    Effect.gen(function* () {
      const { post } = yield* start
      for (const [asked, agreed] of [
        ["2024-11-05", "2024-11-05"],
        ["2025-03-26", "2025-03-26"],
        ["2025-06-18", "2025-06-18"],
        ["2025-11-25", "2025-11-25"],
        ["1999-01-01", "2025-11-25"],
      ] as const) {
        const answer = yield* post(request("initialize", { protocolVersion: asked, capabilities: {} }))
        expect(answer.json()).toMatchObject({
          id: 1,
          result: {
            protocolVersion: agreed,
            capabilities: { tools: {} },
            serverInfo: { name: "bot-bottle" },
          },
        })
      }
      expect((yield* post(request("ping"))).json()).toEqual({ jsonrpc: "2.0", id: 1, result: {} })
      const answer = yield* post(request("tools/list"), { "mcp-protocol-version": "1999-01-01" })
      expect([answer.status, answer.json()]).toMatchObject([
        400,
        { error: { code: -32022, data: { requested: "1999-01-01" } } },
      ])
    }),
  )

  it.scopedLive("without state says its version in body and headers, which must agree", () =>
    Effect.gen(function* () {
      const { post } = yield* start
      const { body, headers } = stateless("server/discover")
      expect((yield* post(body, headers)).json()).toMatchObject({
        result: {
          resultType: "complete",
          supportedVersions: ["2026-07-28"],
          capabilities: { tools: {} },
          ttlMs: expect.any(Number) as number,
          cacheScope: "private",
        },
      })
      const told = (answer: { readonly status: number; readonly json: () => unknown }) => [
        answer.status,
        answer.json(),
      ]
      const { "mcp-method": method, "mcp-protocol-version": version } = headers
      expect(told(yield* post(body))).toMatchObject([400, errorOf(-32020)])
      expect(told(yield* post(body, { "mcp-protocol-version": version }))).toMatchObject([
        400,
        errorOf(-32020),
      ])
      expect(
        told(yield* post(body, { "mcp-protocol-version": "2025-06-18", "mcp-method": method })),
      ).toMatchObject([400, errorOf(-32020)])
      expect(told(yield* post(request("tools/list"), headers))).toMatchObject([400, errorOf(-32602)])
      const unknown = stateless("resources/list")
      expect(told(yield* post(unknown.body, unknown.headers))).toMatchObject([404, errorOf(-32601)])
      const later = stateless("tools/list", {}, "2099-01-01")
      expect(told(yield* post(later.body, later.headers))).toMatchObject([
        400,
        { error: { code: -32022, data: { requested: "2099-01-01" } } },
      ])
      const call = stateless("tools/call", { name: "read_issue", arguments: { number: 17 } })
      expect(told(yield* post(call.body, { ...call.headers, "mcp-name": "signal_done" }))).toMatchObject([
        400,
        errorOf(-32020),
      ])
      expect(told(yield* post(call.body, { ...call.headers, "mcp-name": "read_issue" }))).toMatchObject([
        200,
        { result: { resultType: "complete", content: [{ type: "text" }] } },
      ])
    }),
  )

  it.scopedLive("that is a notification is taken and does nothing, not even as a call of a tool", () =>
    Effect.gen(function* () {
      const { post, fake } = yield* start
      const notification = (method: string, params: object) => ({ jsonrpc: "2.0", method, params })
      for (const body of [
        notification("notifications/initialized", {}),
        notification("notifications/cancelled", { requestId: 1 }),
        notification("tools/call", { name: "post_comment", arguments: { number: 17, body: "x" } }),
      ]) {
        expect(yield* post(body)).toMatchObject({ status: 202, text: "" })
      }
      expect(fake.writes).toEqual([])
    }),
  )

  it.scopedLive("that is none is refused in the standard's terms, and logged", () =>
    Effect.gen(function* () {
      const { post, entries } = yield* start
      const told = (body: unknown) => Effect.map(post(body), (answer) => [answer.status, answer.json()])
      expect(yield* told("{")).toMatchObject([400, { id: null, error: { code: -32700 } }])
      expect(yield* told([request("ping")])).toMatchObject([400, errorOf(-32600)])
      expect(yield* told([])).toMatchObject([400, errorOf(-32600)])
      expect(yield* told(request("ping", {}, null))).toMatchObject([400, errorOf(-32600)])
      expect(yield* told(request("ping", {}, {}))).toMatchObject([400, errorOf(-32600)])
      expect(yield* told({ jsonrpc: "2.0", id: 1, result: {} })).toMatchObject([400, errorOf(-32600)])
      expect(yield* told(`${"[".repeat(70)}${"]".repeat(70)}`)).toMatchObject([400, errorOf(-32600)])
      expect(entries().map(({ op, outcome }) => [op, outcome])).toEqual(
        Array.from({ length: 7 }, () => ["mcp", "rejected"]),
      )
      expect(yield* told(request("prompts/list"))).toMatchObject([200, errorOf(-32601)])
      expect(yield* told(request("tools/call"))).toMatchObject([200, errorOf(-32602)])
      expect(yield* told(request("tools/call", { name: "__proto__" }))).toMatchObject([200, errorOf(-32602)])
      expect(yield* told(request("tools/call", { name: "read_issue", arguments: [17] }))).toMatchObject([
        200,
        { result: { isError: true } },
      ])
      expect((yield* post(Buffer.alloc(1 << 21, "x").toString())).status).toBe(413)
    }),
  )

  it.scopedLive("comes by POST, as JSON, and from no web page", () =>
    Effect.gen(function* () {
      const { post, request: ask } = yield* start
      for (const method of ["GET", "DELETE", "PUT"]) {
        expect(yield* ask({ method, headers: { accept: "text/event-stream" } })).toMatchObject({
          status: 405,
        })
      }
      const ping = request("ping")
      expect((yield* post(ping, { origin: "http://evil.example" })).status).toBe(403)
      expect((yield* post(ping, { origin: "null" })).status).toBe(403)
      expect((yield* post(ping, { origin: "http://127.0.0.1.evil.example" })).status).toBe(403)
      expect((yield* post(ping, { origin: "http://127.0.0.1:7317" })).status).toBe(200)
      expect((yield* post(ping, { "content-type": "text/plain" })).status).toBe(415)
      expect((yield* post(ping, { accept: "text/html" })).status).toBe(406)
    }),
  )
})
