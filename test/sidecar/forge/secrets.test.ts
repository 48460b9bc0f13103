import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { serve } from "../../support/serve.ts"
import { decodeDocument } from "../../../src/sidecar/SidecarDocument.ts"
import * as FakeForge from "../../../src/testing/FakeForge.ts"
import { rpc, send } from "../../support/rpc.ts"
import { tempDir } from "../../support/tempDir.ts"
import { routeTo, upstream } from "../../support/upstream.ts"

const TOKEN = "8f3a91c0d27be5466f0a9d1c3e7b5a2841dd90fe"
const KEY = "route-key-Qz81Lm40Xw"
const SLUG = "door-abcde"

const startWith = Effect.fnUntraced(function* (routes: ReadonlyArray<object>) {
  const directory = yield* tempDir
  const fake = yield* FakeForge.make({
    owner: "ada",
    repo: "cellar",
    issues: [{ number: 17, title: "The door", body: "", author: "ada" }],
  })
  const socketPath = join(directory, "run", "neck", "neck.sock")
  const stateDir = join(directory, "state")
  const forge = {
    apiUrl: "http://127.0.0.1:9/api/v1",
    owner: "ada",
    repo: "cellar",
    token: TOKEN,
    issueNumber: 17,
  }
  const document = JSON.stringify({ slug: SLUG, socketPath, stateDir, forge, routes })
  yield* serve(yield* decodeDocument(document)).pipe(Effect.provide(FakeForge.forges(fake)))
  const logText = () => readFileSync(join(stateDir, "operations.jsonl"), "utf8")
  return {
    fake,
    socketPath,
    logText,
    call: (method: string, params: unknown) => rpc(socketPath, method, params),
  }
})

const start = startWith([
  { name: "api", upstream: "https://api.example.com", header: "x-api-key", value: KEY },
])

const own = `bot-bottle/${SLUG}`
const encoded = Buffer.from(`token: ${TOKEN}\n`).toString("base64")

describe("a text with a secret in it", () => {
  it.scopedLive("is refused by every method that sends one, logged, and never posted", () =>
    Effect.gen(function* () {
      const { fake, call, logText } = yield* start
      const sent: ReadonlyArray<readonly [string, object, string]> = [
        ["post_comment", { number: 17, body: `look:\n${TOKEN}` }, "line 2 of body"],
        ["post_comment", { number: 17, body: encoded }, "line 1 of body"],
        ["post_comment", { number: 17, body: TOKEN.slice(7) }, "line 1 of body"],
        ["update_description", { number: 17, body: `${KEY}` }, "line 1 of body"],
        ["open_pr", { title: `x ${KEY}`, body: "", head: own }, "line 1 of title"],
        ["open_pr", { title: "x", body: encoded, head: own }, "line 1 of body"],
        ["open_pr", { title: "x", body: "", head: `${own}/${TOKEN}` }, "line 1 of head"],
        ["signal_done", { status: "success", summary: `done ${TOKEN}` }, "line 1 of summary"],
      ]
      for (const [method, params, place] of sent) {
        const { error } = yield* call(method, params)
        expect(error).toMatchObject({ code: -32004 })
        expect(error?.message).toContain(place)
      }
      expect(fake.writes).toEqual([])
      const lines = logText().trim().split("\n")
      expect(lines).toHaveLength(sent.length)
      for (const line of lines) expect(line).toContain('"outcome":"rejected","reason":"a secret in the text"')
      for (const secret of [TOKEN, KEY, encoded]) expect(logText()).not.toContain(secret)
    }),
  )

  it.scopedLive("does not use up what may be done once", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      yield* call("signal_done", { status: "success", summary: TOKEN })
      expect(yield* call("signal_done", { status: "success", summary: "done" })).toMatchObject({
        result: null,
      })
    }),
  )

  it.scopedLive("is a bad request for text commands", () =>
    Effect.gen(function* () {
      const { socketPath } = yield* start
      const answer = yield* send(socketPath, { path: "/forge/post-comment?number=17", body: `x ${KEY}` })
      expect(answer.status).toBe(400)
      expect(answer.text).toContain("has a secret in it (known-secret)")
    }),
  )

  it.scopedLive("is told only to whom it is in scope", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      expect((yield* call("post_comment", { number: 500, body: TOKEN })).error).toMatchObject({
        code: -32001,
      })
    }),
  )

  it.scopedLive("is refused with each secret that a route has had in the run, old ones too", () =>
    Effect.gen(function* () {
      const file = join(yield* tempDir, "key")
      const secrets = ["first", "second", "third"].map((name) => `${name}-key-Qz81Lm40XwPo93`)
      const model = yield* upstream()
      const { fake, call, socketPath } = yield* startWith([
        routeTo(model.url, { value: secrets[0], source: { file } }),
      ])
      expect((yield* call("post_comment", { number: 17, body: "harmless" })).error).toBeUndefined()
      for (const secret of secrets) {
        writeFileSync(file, secret, { mode: 0o600 })
        expect((yield* send(socketPath, { path: "/route/api/x", body: "x" })).status).toBe(200)
        expect(model.asked.at(-1)?.headers.authorization).toBe(`Bearer ${secret}`)
      }
      for (const secret of secrets) {
        for (const body of [secret, Buffer.from(`token: ${secret}`).toString("base64")])
          expect((yield* call("post_comment", { number: 17, body })).error).toMatchObject({ code: -32004 })
      }
      expect(fake.writes).toHaveLength(1)
    }),
  )
})
