/** What a model provider says of its limits is in the queue before the agent has the end of the answer. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RequestListener } from "node:http"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Slug } from "../../../src/domain/Slug.ts"
import * as QueueDir from "../../../src/sidecar/record/QueueDir.ts"
import { KEY, routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** A sidecar before a provider that gives these answers in turn. */
const provider = (answers: ReadonlyArray<Answer>, route: object = { model: true }) =>
  Effect.gen(function* () {
    const left = [...answers]
    const listener: RequestListener = (request, response) => {
      const { status, headers = {}, body = "{}" } = left.shift() ?? { status: 200 }
      request.resume().on("end", () => response.writeHead(status, headers).end(body))
    }
    const neck = yield* sidecarWith([routeTo((yield* upstream(listener)).url, route)])
    const queue = join(neck.directory, "state", "queue")
    return {
      ask: (path = "/v1/messages", method = "POST") =>
        neck.send({ path: `/route/api${path}`, method, ...(method === "POST" && { body: "{}" }) }),
      told: Effect.map(QueueDir.events(queue, Slug.make("door-abcde")), (all) =>
        all.map(({ event }) => event),
      ),
    }
  })

describe("an answer of a model provider", () => {
  it.scopedLive("that refuses a call is told with the time when it may be repeated, before its end", () =>
    Effect.gen(function* () {
      const { ask, told } = yield* provider([{ status: 429, headers: { "retry-after": "120" } }])
      const before = Date.now()
      expect((yield* ask()).status).toBe(429)
      const [event, ...more] = yield* told
      expect(more).toEqual([])
      expect(event).toMatchObject({ kind: "model-refused", route: "api", run: 1, reason: "rate-limit" })
      const until = event?.kind === "model-refused" ? Date.parse(event.until ?? "") : 0
      expect(until).toBeGreaterThanOrEqual(before + 120_000)
      expect(until).toBeLessThan(before + 180_000)
      expect(JSON.stringify(event)).not.toContain(KEY)
    }),
  )

  it.scopedLive("that grants one takes the refusal back, once", () =>
    Effect.gen(function* () {
      const { ask, told } = yield* provider([
        { status: 200 },
        { status: 529 },
        { status: 529 },
        { status: 200 },
      ])
      for (let call = 0; call < 5; call++) yield* ask()
      expect((yield* told).map(({ kind }) => kind)).toEqual(["model-refused", "model-answered"])
    }),
  )

  it.scopedLive("that fails otherwise changes nothing", () =>
    Effect.gen(function* () {
      const { ask, told } = yield* provider([{ status: 529 }, { status: 500 }, { status: 503 }])
      for (let call = 0; call < 3; call++) yield* ask()
      expect((yield* told).map(({ kind }) => kind)).toEqual(["model-refused"])
    }),
  )

  it.scopedLive("to what asks no model changes nothing", () =>
    Effect.gen(function* () {
      const { ask, told } = yield* provider([
        { status: 429 },
        { status: 429 },
        { status: 529 },
        { status: 200 },
      ])
      yield* ask("/v1/models", "GET")
      yield* ask("/v1/messages/count_tokens")
      yield* ask()
      yield* ask("/v1/models", "GET")
      expect((yield* told).map(({ kind }) => kind)).toEqual(["model-refused"])
    }),
  )

  it.scopedLive("whose body names a usage limit is told as such, packed or not", () =>
    Effect.gen(function* () {
      const body = '{"error":{"type":"usage_limit_reached","resets_in_seconds":3600}}'
      for (const answer of [
        { status: 429, body },
        { status: 429, body: gzipSync(body), headers: { "content-encoding": "gzip" } },
        { status: 403, body: '{"error":{"message":"You have reached your API usage limits"}}' },
      ]) {
        const { ask, told } = yield* provider([answer])
        yield* ask()
        expect(yield* told).toMatchObject([{ kind: "model-refused", reason: "usage-limit" }])
      }
    }),
  )

  it.scopedLive("is passed on whole, however much it is", () =>
    Effect.gen(function* () {
      const body = "x".repeat(300_000)
      const { ask } = yield* provider([{ status: 429, body }])
      expect((yield* ask()).text).toBe(body)
    }),
  )

  it.scopedLive("of a service that is no model is nobody's concern", () =>
    Effect.gen(function* () {
      const { ask, told } = yield* provider([{ status: 429 }], {})
      yield* ask()
      expect(yield* told).toEqual([])
    }),
  )
})
