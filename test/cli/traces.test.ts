/** The trace of an issue's life, as a collector receives it over OTLP. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it } from "vitest"
import { shellAgent } from "../support/cli.ts"
import { HOOK_SECRET, SERVED_TOKEN, makeServed } from "../support/served.ts"

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<{ readonly key: string }>
  readonly events: ReadonlyArray<{ readonly name: string }>
}
interface ExportRequest {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: {
      readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: object }>
    }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
  }>
}

/** A collector: takes export requests as OTLP/HTTP has them, in JSON. */
const collector = async () => {
  const bodies: Array<string> = []
  const asked = new Set<string>()
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      asked.add(`${request.method} ${request.url} ${request.headers["x-tenant"]}`)
      bodies.push(Buffer.concat(chunks).toString("utf8"))
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    text: () => bodies.join("\n"),
    requests: () => bodies.map((body) => JSON.parse(body) as ExportRequest),
    spans: () =>
      bodies.flatMap((body) =>
        (JSON.parse(body) as ExportRequest).resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans),
        ),
      ),
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

const AGENT = shellAgent(
  `echo "words-of-the-agent" | forge post-comment 17; curl -s http://host-of-the-agent.example/ >/dev/null; forge made-up-by-the-agent; forge signal-done success words-of-the-agent`,
)

/** Serves, and waits for the first sweep: what it finds would be the root in place of the webhook. */
const serveSwept = async (
  served: Awaited<ReturnType<typeof makeServed>>,
  env: Readonly<Record<string, string>>,
) => {
  const { requests } = served.forge
  const before = requests.length
  const service = await served.serve([], env)
  await expect
    .poll(() => requests.slice(before).some(({ path }) => path.includes("/issues/search")))
    .toBe(true)
  return service
}

it("is one trace from the webhook to the freeze, with the run and its calls, and without words of the agent and secrets", async () => {
  const receiver = await collector()
  const served = await makeServed({}, { agent: AGENT })
  try {
    const service = await serveSwept(served, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=bottles",
    })
    await served.target()
    await expect.poll(service.stderr, { timeout: 120_000 }).toMatch(/#17: frozen$/m)
    const named = (name: string) => receiver.spans().filter((span) => span.name === name)
    const NAMES = ["webhook", "bottle.launch", "run", "post_comment", "signal_done", "bottle.freeze"]
    await expect.poll(() => NAMES.filter((name) => named(name).length === 0)).toEqual([])

    const spans = receiver.spans()
    expect([...new Set(spans.map(({ traceId }) => traceId))]).toHaveLength(1)
    for (const name of ["run", "bottle.freeze"]) expect(named(name)).toHaveLength(1)
    // Every span has its parent in the trace, but for the first one.
    const ids = new Set(spans.map(({ spanId }) => spanId))
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined)
    expect(roots.map(({ name }) => name)).toEqual(["webhook"])
    expect(spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !ids.has(parentSpanId))).toEqual(
      [],
    )
    const [run] = named("run")
    expect(named("post_comment").map(({ parentSpanId }) => parentSpanId)).toEqual([run?.spanId])
    for (const { startTimeUnixNano, endTimeUnixNano } of spans)
      expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true)

    expect([...receiver.asked]).toEqual(["POST /v1/traces bottles"])
    expect(receiver.requests()[0]?.resourceSpans[0]?.resource.attributes).toContainEqual({
      key: "service.name",
      value: { stringValue: "bot-bottle" },
    })
    const text = receiver.text()
    for (const word of ["of-the-agent", "made-up", "made_up", SERVED_TOKEN, HOOK_SECRET, "It does not close"])
      expect([word, text.includes(word)]).toEqual([word, false])
    expect(new Set(spans.flatMap(({ events }) => events.map(({ name }) => name)))).toEqual(
      new Set(["exception"]),
    )
    const keys = new Set(spans.flatMap(({ attributes }) => attributes.map(({ key }) => key)))
    for (const key of keys)
      expect(key).toMatch(
        /^(bot_bottle\.(repository|issue|slug|run|outcome)|span\.label|status\.interrupted)$/,
      )
  } finally {
    await served.stop()
    await receiver.close()
  }
})

it("goes on after a restart of the service: spans from before and after are of one trace", async () => {
  const receiver = await collector()
  const served = await makeServed()
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }
  const names = () => receiver.spans().map(({ name }) => name)
  try {
    const first = await serveSwept(served, env)
    await served.target()
    await expect.poll(first.stderr).toMatch(/launched bottle .*, run 1$/m)
    first.child.kill("SIGTERM")
    await first.result
    const before = names()
    expect(before.toSorted()).toEqual(expect.arrayContaining(["bottle.launch", "webhook"]))
    expect(before).not.toContain("run")

    const second = await served.serve([], env)
    served.go()
    await expect.poll(second.stderr).toMatch(/#17: frozen$/m)
    await expect.poll(names).toEqual(expect.arrayContaining(["run", "signal_done", "bottle.freeze"]))
    const spans = receiver.spans()
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    const root = spans.find(({ name }) => name === "webhook")
    const parents = ["bottle.launch", "run", "bottle.freeze"].map(
      (wanted) => spans.find(({ name }) => name === wanted)?.parentSpanId,
    )
    expect(parents).toEqual([root?.spanId, root?.spanId, root?.spanId])
  } finally {
    await served.stop()
    await receiver.close()
  }
})

it("is not made, and nothing is logged for it, without a collector; an address that is none is refused", async () => {
  const served = await makeServed({}, { agent: AGENT })
  try {
    const wrong = await served.cli.run(["orchestrate", "serve"], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" },
    })
    expect([wrong.code, wrong.stderr]).toEqual([
      expect.any(Number),
      expect.stringContaining("OTEL_EXPORTER_OTLP_ENDPOINT"),
    ])
    const service = await served.serve()
    await served.target()
    await expect.poll(service.stderr, { timeout: 120_000 }).toMatch(/#17: frozen$/m)
    const [{ slug }] = JSON.parse((await served.cli.run(["list", "--json"])).stdout)
    const [{ statement }] = JSON.parse((await served.cli.run(["provenance", "show", slug, "--json"])).stdout)
    expect(Object.keys(statement.predicate.counts.calls)).not.toContain("trace")
  } finally {
    await served.stop()
  }
})
