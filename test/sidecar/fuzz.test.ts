import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { Agent, createServer as createHttp, request } from "node:http"
import { type Server, type Socket, connect, createServer } from "node:net"
import { join } from "node:path"
import { verifyChain } from "../../src/sidecar/record/OperationChain.ts"
import { helloFor } from "../support/clientHello.ts"
import { listening } from "../support/egress.ts"
import { type Mutator, mutator, randomOf } from "../support/fuzz.ts"
import { TOKEN, forge } from "../support/git.ts"
import { nightly } from "../support/nightly.ts"
import { documentIn, startSidecar } from "../support/sidecarProcess.ts"
import { tempDir } from "../support/tempDir.ts"
import { KEY, routeTo, upstream } from "../support/upstream.ts"

const SEED = Number(process.env["BOT_BOTTLE_FUZZ_SEED"] ?? 20_261_120)
const TIMES = nightly ? 10 : 1
const LANES = 32
const HANGS_MS = 60_000

/** Another's id, that no bottle of a test has. */
const id = "1234567890abcdef1234567890abcdef12345678"
const none = "0".repeat(40)
const pkt = (text: string) => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`

const rpc = (method: string, params: unknown, more: object = {}) =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method, params, ...more })

/** Nothing of these may write: they are out of scope as they stand. */
const bodies = [
  rpc("read_issue", { number: 17 }),
  rpc("read_pr", { number: 18 }),
  rpc("read_comments", { number: 500 }, { id: "a" }),
  rpc("post_comment", { number: 500, body: "hello\nworld \u{1F377}" }),
  rpc("update_description", { number: 501, body: "closes #3" }),
  rpc("open_pr", { title: "t", body: "b", head: "main", base: "main" }, { id: null }),
  `[${rpc("read_issue", { number: 1 })},${rpc("post_comment", { number: 2, body: "x" })},1,[],{}]`,
  JSON.stringify({ jsonrpc: "2.0", method: "post_comment", params: { number: 500, body: "told" } }),
  rpc("tools/call", { name: "post_comment", arguments: { number: 500, body: "hello" } }),
  rpc("tools/list", {}),
  rpc("initialize", {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "a", version: "1" },
  }),
]

const jsonWords = [
  '"__proto__":{"number":17},',
  '"constructor":1,',
  "1e99",
  "-0",
  "17.5",
  '"17"',
  "9007199254740993",
  "null",
  "{",
  "[[[[[[[[[[[[[[[[",
  '"\\ud800"',
  "\\u0000",
  '"number":500,"number":501,',
  "\ufeff",
  "//",
  '"method":"signal_done",',
  "tru",
]

const heads = [
  `POST /route/api/v1/messages HTTP/1.1\r\nhost: 127.0.0.1:7317\r\nauthorization: Bearer mine\r\ncontent-length: 2\r\n\r\n{}`,
  `POST /route/api/v1/messages HTTP/1.1\r\nhost: 127.0.0.1:7317\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  `GET /route/api/v1/files HTTP/1.1\r\nhost: 127.0.0.1:7317\r\nx-api-key: mine\r\ncookie: a=b\r\n\r\n`,
  `GET /route/api/../../etc/passwd HTTP/1.1\r\nhost: 127.0.0.1:7317\r\n\r\n`,
  `GET http://other.test/a HTTP/1.1\r\nhost: other.test\r\n\r\n`,
  `GET http://plain.test/a HTTP/1.1\r\nhost: plain.test\r\nconnection: close\r\n\r\n`,
  `POST /rpc HTTP/1.1\r\nhost: 127.0.0.1:7317\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n`,
  `POST /forge/post-comment?number=500 HTTP/1.1\r\nhost: 127.0.0.1:7317\r\ncontent-length: 5\r\n\r\nhello`,
  `GET /git/app.git/info/refs?service=git-receive-pack-not HTTP/1.1\r\nhost: 127.0.0.1:7317\r\n\r\n`,
  `GET /git/../app.git/HEAD HTTP/1.1\r\nhost: 127.0.0.1:7317\r\n\r\n`,
  `OPTIONS * HTTP/1.1\r\nhost: 127.0.0.1:7317\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
]

const headWords = [
  "\r\n",
  "\n",
  "\r\n\r\n",
  "content-length: 3\r\n",
  "content-length: +1\r\n",
  "transfer-encoding: chunked\r\n",
  "transfer-encoding: xchunked\r\n",
  "host: other.test\r\n",
  "expect: 100-continue\r\n",
  "connection: keep-alive, authorization\r\n",
  "/../",
  "%2e%2e%2f",
  "%00",
  "/v1/files",
  ";x",
  "?",
  "#",
  "http://",
  "@other.test",
  "ffffffffffffffff\r\n",
  "HTTP/1.0",
  "HTTP/2.0",
  "DELETE ",
  "TRACE ",
]

const connects = (canary: number) => {
  const ask = (authority: string, behind: string | Buffer = "", more = "") =>
    Buffer.concat([
      Buffer.from(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${more}\r\n`, "latin1"),
      Buffer.from(behind as string, "latin1"),
    ])
  return [
    ask("allowed.test:443", helloFor("allowed.test")),
    ask("allowed.test:443", helloFor("other.test")),
    ask("allowed.test:443", "GET / HTTP/1.1\r\n\r\n"),
    ask("allowed.test:8443", helloFor("allowed.test")),
    ask("other.test:443", helloFor("allowed.test")),
    ask(`127.0.0.1:${canary}`, "hello"),
    ask(`localhost:${canary}`, "hello"),
    ask(`[::ffff:127.0.0.1]:${canary}`, "hello"),
    ask(`2130706433:${canary}`, "hello"),
    ask("allowed.test:443", "", "proxy-authorization: Basic YTpi\r\ncontent-length: 10\r\n"),
  ]
}

const connectWords = (canary: number) => [
  "allowed.test",
  `127.0.0.1:${canary}`,
  `:${canary}`,
  "0x7f.1",
  "[::1]",
  "allowed.test.",
  "ALLOWED.TEST",
  "allowed.test@",
  "%61llowed.test",
  "\u3002",
  ":0443",
  ":443:443",
  ":+443",
  ":99999",
  " ",
  "\t",
  "\r\n",
  "\0",
  "host: x\r\n",
  helloFor("allowed.test").subarray(0, 40),
  helloFor("other.test"),
]

const pushes = [
  `${pkt(`${none} ${id} refs/heads/main\0report-status side-band-64k agent=a`)}0000PACK\0\0\0\x02\0\0\0\0`,
  `${pkt(`${id} ${none} refs/heads/main\0report-status delete-refs`)}0000`,
  `${pkt(`${none} ${id} refs/tags/v1\0report-status`)}0000PACK`,
  `${pkt(`${none} ${id} refs/heads/other\0report-status push-options`)}00000009a=b\n0000`,
  `${pkt(`shallow ${id}`)}${pkt(`${none} ${id} HEAD\0 report-status-v2`)}0000`,
  `${pkt(`push-cert\0report-status`)}${pkt("certificate version 0.1\n")}${pkt("push-cert-end\n")}0000`,
  `${pkt(`${none} ${id} refs/heads/a\0report-status`)}${pkt(`${none} ${id} refs/heads/b`)}0000`,
]
const fetches = [
  `${pkt("command=ls-refs\n")}${pkt("agent=a")}0001${pkt("peel\n")}${pkt("ref-prefix refs/heads/\n")}0000`,
  `${pkt("command=fetch")}0001${pkt("thin-pack\n")}${pkt(`want ${id}\n`)}${pkt("done\n")}0000`,
  `${pkt(`want ${id} multi_ack_detailed side-band-64k\n`)}0000${pkt("done\n")}`,
  `${pkt("command=object-info")}0001${pkt("size")}${pkt(`oid ${id}`)}0000`,
]
const pktWords = [
  "0000",
  "0001",
  "0002",
  "0003",
  "0004",
  "0005",
  "ffff",
  "fff0",
  "\0",
  "\n",
  none,
  id,
].concat([
  "refs/heads/../../x",
  "refs/heads/main",
  "want ",
  "deepen 1\n",
  "filter blob:none\n",
  "-0001",
  "00G0",
])

/** The world of a sidecar, in which every way out is a witness: where it leads, somebody looks. */
const world = Effect.gen(function* () {
  const directory = yield* tempDir
  const at = yield* forge
  const model = yield* upstream()
  const canaries = [yield* canary("127.0.0.1", 0)]
  const port = canaries[0]?.port ?? 0
  canaries.push(yield* canary("::1", port), yield* canary("127.0.0.2", port))
  const proxy = yield* outside
  const document = documentIn(directory, {
    limits: { callRate: 1_000_000, connections: 1024 },
    forge: { apiUrl: at.sim.apiUrl, owner: "ada", repo: "cellar", token: TOKEN, issueNumber: 17 },
    egress: { allow: ["allowed.test", { host: "plain.test", port: 80 }] },
    routes: [routeTo(model.url, { allow: ["POST /v1/messages"] })],
    git: [{ name: "app", url: at.url, credential: TOKEN, private: true }],
  })
  const proxyUrl = `http://127.0.0.1:${proxy.port}`
  const sidecar = yield* startSidecar(JSON.stringify(document), {
    env: {
      PATH: process.env["PATH"] ?? "",
      HTTP_PROXY: proxyUrl,
      HTTPS_PROXY: proxyUrl,
      NO_PROXY: "127.0.0.1",
    },
  })
  yield* sidecar.ready
  const log = join(directory, "state", "operations.jsonl")
  return { at, model, canaries, port, proxy, sidecar, log, socketPath: document.socketPath }
})

/** A listener that nobody may ever reach. */
const canary = (host: string, port: number) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const server: Server = createServer((socket) => {
      seen.push(host)
      socket.destroy()
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(port, host, () => resume(Effect.void))),
      () => Effect.sync(() => server.close()),
    )
    const address = server.address()
    return { seen, port: typeof address === "object" ? (address?.port ?? 0) : 0 }
  })

/** All the world but loopback: a proxy, which notes what it is asked and passes nothing on. */
const outside = Effect.gen(function* () {
  const tunnels: Array<{ readonly to: string | undefined; readonly carried: Array<Buffer> }> = []
  const plain: Array<string | undefined> = []
  const server = createHttp((incoming, response) => {
    plain.push(incoming.url)
    response.end("outside")
  })
  server.on("connect", (incoming, socket: Socket) => {
    const tunnel = { to: incoming.url, carried: [] as Array<Buffer> }
    tunnels.push(tunnel)
    socket.on("data", (bytes) => tunnel.carried.push(bytes)).on("end", () => socket.end())
    socket.write("HTTP/1.1 200 OK\r\n\r\n")
  })
  const { port } = yield* listening(server)
  return { port, tunnels, plain }
})

/** Sends bytes as they are, ends, and reads what comes: it must come to an end. */
const sendRaw = (socketPath: string, bytes: Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, allowHalfOpen: true })
    const chunks: Array<Buffer> = []
    const hangs = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no end after ${JSON.stringify(bytes.toString("latin1"))}`))
    }, HANGS_MS)
    socket.on("data", (chunk) => chunks.push(chunk))
    socket.on("error", () => undefined)
    socket.on("end", () => socket.end())
    socket.on("close", () => {
      clearTimeout(hangs)
      resolve(Buffer.concat(chunks).toString("latin1"))
    })
    socket.end(bytes)
  })

/** Sends a body with a head that is right, over connections that stay. */
const sendBody =
  (socketPath: string, agent: Agent, paths: ReadonlyArray<string>) =>
  (body: Buffer, turn: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request({
        socketPath,
        agent,
        method: "POST",
        path: paths[turn % paths.length],
        headers: {
          "content-type": "application/json",
          "git-protocol": "version=2",
          "content-length": body.length,
        },
        timeout: HANGS_MS,
      })
      const shown = JSON.stringify(body.toString("latin1"))
      asked.on("timeout", () => asked.destroy(new Error("no answer")))
      asked.on("error", (error) => reject(new Error(`${error.message} after ${shown}`)))
      asked.on("response", (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () =>
          resolve(`HTTP/1.1 ${response.statusCode}\r\n\r\n${Buffer.concat(chunks).toString("latin1")}`),
        )
      })
      asked.end(body)
    })

/** Sends so many; the first that hangs, is not answered in HTTP, or is told as an error of the sidecar's own, fails. */
const flood = (
  count: number,
  next: Mutator,
  send: (bytes: Buffer, turn: number) => Promise<string>,
): Effect.Effect<void> =>
  Effect.promise(async () => {
    let turn = 0
    const lane = async () => {
      while (turn < count) {
        const bytes = next()
        const answer = await send(bytes, turn++)
        const isWell = answer === "" || /^HTTP\/1\.1 (?!500)\d{3}/.test(answer)
        if (!isWell || answer.includes('"code":-32603'))
          throw new Error(
            `${JSON.stringify(bytes.toString("latin1"))} was answered ${JSON.stringify(answer)}`,
          )
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  })

/** Which lines of a log tell of something that was done, and where. */
const doneOf = (lines: ReadonlyArray<string>) =>
  lines
    .map((line) => JSON.parse(line) as { op: string; target: string; outcome: string })
    .filter(({ outcome }) => outcome === "ok")
    .map(({ op, target }) => `${op} ${target}`)

describe("a sidecar that is sent 100,000 broken requests", () => {
  it.scopedLive(
    `lives, answers each, and lets none through (seed ${SEED})`,
    () =>
      Effect.gen(function* () {
        const it = yield* world
        const { socketPath, at, model, proxy } = it
        const refs = yield* at.refs
        const random = randomOf(SEED)
        const agent = new Agent({ keepAlive: true, maxSockets: LANES })
        const raw = (bytes: Buffer) => sendRaw(socketPath, bytes)
        const post = (paths: ReadonlyArray<string>) => sendBody(socketPath, agent, paths)
        const calls = ["/rpc", "/mcp", "/rpc", "/forge/post-comment?number=500"]
        yield* flood(48_000 * TIMES, mutator(random, bodies, jsonWords), post(calls))
        yield* flood(26_000 * TIMES, mutator(random, heads, headWords), raw)
        yield* flood(24_000 * TIMES, mutator(random, connects(it.port), connectWords(it.port)), raw)
        yield* flood(1800 * TIMES, mutator(random, pushes, pktWords), post(["/git/app.git/git-receive-pack"]))
        yield* flood(200 * TIMES, mutator(random, fetches, pktWords), post(["/git/app.git/git-upload-pack"]))
        agent.destroy()
        expect(it.canaries.flatMap(({ seen }) => seen)).toEqual([])
        expect(proxy.tunnels.filter(({ to }) => to !== "allowed.test:443")).toEqual([])
        expect(
          proxy.tunnels.filter(
            ({ carried }) =>
              carried.length > 0 &&
              !Buffer.concat(carried).toString("latin1").toLowerCase().includes("allowed.test"),
          ),
        ).toEqual([])
        expect(proxy.plain.filter((url) => url === undefined || new URL(url).host !== "plain.test")).toEqual(
          [],
        )
        for (const { method, url, headers, body } of model.asked) {
          expect([method, url.split("?")[0], headers.authorization]).toEqual([
            "POST",
            "/v1/messages",
            `Bearer ${KEY}`,
          ])
          expect([headers.cookie, headers["x-api-key"]]).toEqual([undefined, undefined])
          expect(body).not.toContain("HTTP/1.1")
        }
        const asked = at.sim.requests.map(({ method, path }) => `${method} ${path}`)
        expect(
          asked.filter(
            (line) =>
              !/^GET \/(?:user|repos\/ada\/cellar(?:\/(?:issues|pulls)\/\d+(?:\/comments)?)?)(?:\?[\w=&]*)?$/.test(
                line,
              ),
          ),
        ).toEqual([])
        expect(yield* at.refs).toEqual(refs)

        const lines = readFileSync(it.log, "utf8").trim().split("\n")
        expect(verifyChain(lines)).toMatchObject({ ok: true })
        expect(lines.join("\n")).not.toContain(TOKEN)
        // What was done is what is allowed, and it was done: the rest was refused by something that works.
        expect([...new Set(doneOf(lines))].toSorted()).toEqual([
          "egress allowed.test:443",
          "egress plain.test:80",
          "route api POST /v1/messages",
        ])
      }),
    { timeout: 600_000 * TIMES },
  )
})
