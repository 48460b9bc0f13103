/** What passes a route's head: of the agent's request what is known to be harmless, of the upstream's answer nothing that repeats the key. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { IncomingHttpHeaders, ServerResponse } from "node:http"
import { passesOf } from "../../../src/domain/RoutePasses.ts"
import { raw } from "../../support/rpc.ts"
import { KEY, routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

/** In each of these some service takes a key, a session, or whose account is meant. */
const CARRIERS = [
  "api-token",
  "x-api-token",
  "x-auth",
  "x-access-key",
  "x-secret",
  "x-session-id",
  "x-vault-token",
  "x-gitlab-token",
  "private-token",
  "job-token",
  "x-figma-token",
  "x-plex-token",
  "x-csrf-token",
  "x-amz-content-sha256",
  "x-amz-credential",
  "dd-application-key",
  "x-rapidapi-key",
  "apikey",
  "token",
  "key",
  "x-user",
  "x-forwarded-access",
  "x-ms-client-principal",
  "x-remote-user",
  "anthropic-account",
  "chatgpt-user",
  "x-goog-iam-authorization-token",
  "sec-websocket-protocol",
  "referer",
  "origin",
  "user_agent",
  "content_type",
] as const

const headOf = (asked: ReadonlyArray<{ readonly rawHeaders: ReadonlyArray<string> }>): string =>
  asked.map(({ rawHeaders }) => rawHeaders.join("\n")).join("\n")

describe("the head of a request through a route", () => {
  it.scopedLive(
    "has no header but those known to be harmless, whatever an upstream takes for a credential",
    () =>
      Effect.gen(function* () {
        const model = yield* upstream()
        const neck = yield* sidecarWith([
          routeTo(model.url),
          routeTo(model.url, { name: "anthropic", header: "x-api-key", scheme: undefined }),
          routeTo(model.url, { name: "openai" }),
        ])
        const headers = Object.fromEntries(CARRIERS.map((name) => [name, "mine"]))
        for (const name of ["api", "anthropic", "openai"]) {
          yield* neck.send({ path: `/route/${name}/v1/messages`, body: "{}", headers })
        }
        expect(model.asked.length).toBe(3)
        expect(headOf(model.asked)).not.toContain("mine")
      }),
  )

  it.scopedLive("has no trailer, and no header that Connection names", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([routeTo(model.url)])
      const answer = yield* raw(
        neck.socketPath,
        "POST /route/api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: x-api-key\r\nconnection: close, user-agent\r\nuser-agent: mine\r\n\r\n2\r\n{}\r\n0\r\nx-api-key: mine\r\nauthorization: mine\r\n\r\n",
      )
      expect(answer).toMatch(/^HTTP\/1\.1 200/)
      expect(headOf(model.asked)).not.toMatch(/mine|trailer/i)
    }),
  )

  it.scopedLive("has what the agent's client says of itself where the provider is known", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([
        routeTo(model.url, { name: "anthropic" }),
        routeTo(model.url, { name: "openai" }),
        routeTo(model.url),
      ])
      const headers = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "a,b",
        "openai-beta": "c",
        "x-stainless-lang": "js",
        session_id: "s",
      }
      const passed: Array<ReadonlyArray<string>> = []
      for (const name of ["anthropic", "openai", "api"]) {
        yield* neck.send({ path: `/route/${name}/v1/x`, body: "{}", headers })
        passed.push(Object.keys(headers).filter((name) => model.asked.at(-1)?.headers[name] !== undefined))
      }
      expect(passed).toEqual([
        ["anthropic-version", "anthropic-beta", "x-stainless-lang"],
        ["openai-beta", "x-stainless-lang", "session_id"],
        [],
      ])
    }),
  )

  it.scopedLive("has the headers and parameters that the operator lets pass beyond them, and no others", () =>
    Effect.gen(function* () {
      const model = yield* upstream()
      const neck = yield* sidecarWith([
        routeTo(model.url, { headers: ["X-Tenant", "x-page"], query: ["page", "key"] }),
      ])
      yield* neck.send({
        path: "/route/api/x?page=2&key=k&api_key=mine&q=mine&page=3;token=mine",
        method: "GET",
        headers: { "x-tenant": "t", "x-page": "p", "x-other": "mine", x_tenant: "mine" },
      })
      expect(model.asked).toMatchObject([
        { url: "/x?page=2&key=k", headers: { "x-tenant": "t", "x-page": "p" } },
      ])
      expect(headOf(model.asked)).not.toContain("mine")
    }),
  )
})

describe("the query of a request through a route", () => {
  const passed = (hostname: string, name = "api") =>
    passesOf({ name, hostname, credentials: ["Authorization"] }).query
  /** Ways to write a credential's name. */
  const written = [
    "api_key",
    "API_KEY",
    "api%5Fkey",
    "%61pi_key",
    "api%255fkey",
    "api%25255fkey",
    "api%2525255fkey",
    "api_key[]",
    "api%5fkey%5B0%5D",
    "api.key",
    "+api_key",
    "apiKey",
    "access_token",
    "auth_token",
    "oauth_token",
    "private_token",
    "token",
    "client_secret",
    "password",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "subscription-key",
    "q=1;api_key",
    "?api_key",
  ]
  it.each(written)("has no credential of the agent's in %s, at a service that is not known", (name) => {
    expect(passed("tracker.example.com")(`?page=2&${name}=mine&sort=a`)).toBe("?page=2&sort=a")
  })

  it("has nothing but its provider's parameters where the provider is known, by host or by name", () => {
    const asked = "?beta=true&session=mine&limit=3&x%62eta=1&beta=1;k=mine&key=mine"
    expect(passed("api.anthropic.com")(asked)).toBe("?beta=true&limit=3")
    expect(passed("gateway.example.com", "anthropic")(asked)).toBe("?beta=true&limit=3")
    expect(passed("api.openai.com", "mine")(asked)).toBe("?limit=3")
    expect(passed("api.openai.com")("?k=mine")).toBe("")
    expect(passed("x.example.com", "__proto__")("?a=1")).toBe("?a=1")
  })

  it("keeps words of a service that is not known as they are", () => {
    const asked = "?q=a%20b+c&key=k&next_token=n&pageToken=p&a[]=1&a[]=2&empty=&flag&tokens=3"
    expect(passed("tracker.example.com")(asked)).toBe(asked)
    expect(passed("maps.googleapis.com")("?q=1&key=mine&k%65y=mine")).toBe("?q=1")
  })
})

describe("the head of an answer through a route", () => {
  const base64 = (before: string) => Buffer.from(`${before}${KEY}!`).toString("base64")
  const percent = (text: string) => [...text].map((char) => `%${char.charCodeAt(0).toString(16)}`).join("")
  const some = KEY.replace("real", "r%65%61l").replaceAll("-", "%2D")
  /** Ways to repeat a key in a value. */
  const spellings: Readonly<Record<string, string>> = {
    plain: KEY,
    "percent-encoded as a whole": percent(KEY),
    "percent-encoded in part": some,
    "percent-encoded twice": percent(KEY).replaceAll("%", "%25"),
    "base64 alone": base64(""),
    "base64 of a header": base64("Bearer "),
    "base64 at another place": base64("ab"),
    base64url: Buffer.from(`??${KEY}>>`).toString("base64url"),
    "base64, percent-encoded": encodeURIComponent(base64("")),
    hex: Buffer.from(KEY).toString("hex"),
    "hex in capitals": Buffer.from(KEY).toString("hex").toUpperCase(),
    "in lower case": KEY.toLowerCase(),
    "20 characters of it": KEY.slice(4, 24),
  }

  const answered = (answer: (response: ServerResponse) => void, more: object = {}) =>
    Effect.gen(function* () {
      const model = yield* upstream((incoming, response) => {
        incoming.resume()
        answer(response)
      })
      const neck = yield* sidecarWith([routeTo(model.url, more)])
      return yield* raw(
        neck.socketPath,
        "GET /route/api/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\nte: trailers\r\n\r\n",
      )
    })
  const headers = (values: IncomingHttpHeaders) => (response: ServerResponse) =>
    response.writeHead(302, { ...values, "x-kept": "kept" }).end()

  it.scopedLive.each(Object.entries(spellings))(
    "does not repeat the key in a header or a redirect: %s",
    ([, text]) =>
      Effect.gen(function* () {
        const value = `/there?as=${text}&x=1`
        const answer = yield* answered(
          headers({
            location: value,
            "x-echo": `echo ${text}`,
            link: `<${value}>`,
            refresh: `0; url=${value}`,
          }),
        )
        expect(answer).toMatch(/^HTTP\/1\.1 302[^]*x-kept: kept/i)
        expect(answer).not.toMatch(/^(?:location|x-echo|link|refresh):/im)
      }),
  )

  it.scopedLive(
    "does not repeat the key in its status line, a header's name, an early hint, a cookie or a trailer",
    () =>
      Effect.gen(function* () {
        const answer = yield* answered((response) => {
          response.writeEarlyHints({ link: `</${KEY}>; rel=preload` })
          response.writeHead(200, `OK ${KEY}`, {
            [`x-${KEY}`]: "1",
            [`x-${KEY.toUpperCase()}`]: "1",
            "set-cookie": KEY,
            trailer: "x-last",
            "x-kept": "kept",
          })
          response.write("body")
          response.addTrailers({ "x-last": KEY })
          response.end()
        })
        expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*x-kept: kept[^]*body/i)
        expect(answer.toLowerCase()).not.toContain(KEY.toLowerCase())
        expect(answer).not.toMatch(/103|trailer|x-last/i)
      }),
  )

  it.scopedLive(
    "does not repeat the pair that Basic carries, nor its password, nor a key that is short",
    () =>
      Effect.gen(function* () {
        const value = Buffer.from("ada:open-sesame").toString("base64")
        const echoes = {
          "x-a": "ada:open-sesame",
          "x-b": "p=open-sesame",
          "x-c": "open%2Dsesame",
          "x-d": value,
        }
        const basic = yield* answered(headers(echoes), { scheme: "Basic", value })
        expect(basic).not.toMatch(/^x-[abcd]:/im)
        const short = {
          "x-a": "k=tiny-key",
          "x-b": Buffer.from("tiny-key").toString("base64"),
          "x-c": "tiny%2dkey",
        }
        expect(yield* answered(headers(short), { value: "tiny-key" })).not.toMatch(/^x-[abc]:/im)
        const other = yield* answered(headers({ location: "/there?a=1", "x-a": "other" }))
        expect(other).toMatch(/location: \/route\/api\/there\?a=1/i)
        expect(other).toMatch(/x-a: other/i)
      }),
  )
})

describe("a route's names", () => {
  const refused = [
    "Authorization",
    "cookie",
    "Host",
    "x_api_key",
    "Connection",
    "te",
    "X-Forwarded-For",
    "a b",
  ]
  it.scopedLive.each(refused)(
    "have no header %s: it would carry a credential, or is the connection's",
    (name) =>
      Effect.gen(function* () {
        const wrong = yield* Effect.either(sidecarWith([routeTo("http://127.0.0.1:1", { headers: [name] })]))
        expect(wrong).toMatchObject({
          _tag: "Left",
          left: { reason: expect.stringMatching(/headers: each must be/) },
        })
      }),
  )
})
