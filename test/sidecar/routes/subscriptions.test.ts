/** Routes of subscriptions: the operator's login in place of the agent's placeholders, and nothing of the account but the model. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { placeholderLogin } from "../../../src/layers/providers/codexLogin.ts"
import { send } from "../../support/rpc.ts"
import { tempDir } from "../../support/tempDir.ts"
import { routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

const CODEX = "codex-subscription"
const CLAUDE = "claude-subscription"

const jwt = (name: string, expiresIn: number) =>
  [{ alg: "none" }, { name, exp: Math.floor(Date.now() / 1000) + expiresIn }, { signed: "not" }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".")

/** An `auth.json` of the host, and a route that reads it. */
const login = Effect.gen(function* () {
  const file = join(yield* tempDir, "auth.json")
  const write = (token: string, account = "account-0123456789") =>
    writeFileSync(file, JSON.stringify({ tokens: { access_token: token, account_id: account } }), {
      mode: 0o600,
    })
  const route = (url: string, token: string) =>
    routeTo(`${url}/backend-api/codex`, {
      name: CODEX,
      value: token,
      source: { file, field: "tokens.access_token" },
      more: [
        {
          header: "ChatGPT-Account-Id",
          value: "account-0123456789",
          source: { file, field: "tokens.account_id" },
        },
      ],
      allow: ["POST /responses", "POST /responses/compact", "GET /models"],
    })
  return { write, route }
})

/** What the program in the bottle sends. */
const placeholders = {
  authorization: `Bearer ${JSON.parse(placeholderLogin("added-by-the-neck")).tokens.access_token}`,
  "chatgpt-account-id": "added-by-the-neck",
  chatgpt_account_id: "account-of-another",
}

describe("the route of a subscription", () => {
  it.scopedLive(
    "has the host's token and account in place of the placeholders, also after they changed",
    () =>
      Effect.gen(function* () {
        const { write, route } = yield* login
        const service = yield* upstream()
        const [old, next] = [jwt("old", 3600), jwt("next", 3600)]
        write(old)
        const neck = yield* sidecarWith([route(service.url, old)])
        const call = (path: string, method = "POST") =>
          send(neck.socketPath, { path: `/route/${CODEX}${path}`, method, headers: placeholders })
        expect((yield* call("/responses")).text).toBe("POST /backend-api/codex/responses")
        write(next, "account-9876543210")
        expect((yield* call("/models?client_version=1&token=x", "GET")).text).toBe(
          "GET /backend-api/codex/models?client_version=1",
        )
        expect(
          service.asked.map(({ headers }) => [headers.authorization, headers["chatgpt-account-id"]]),
        ).toEqual([
          [`Bearer ${old}`, "account-0123456789"],
          [`Bearer ${next}`, "account-9876543210"],
        ])
        const sent = service.asked.map(({ rawHeaders }) => rawHeaders.join("\n")).join("\n")
        expect(sent).not.toMatch(/added-by-the-neck|account-of-another/)
      }),
  )

  it.scopedLive("answers what the program asks beside its model with nothing, and refuses the rest", () =>
    Effect.gen(function* () {
      const { write, route } = yield* login
      const service = yield* upstream()
      const token = jwt("mine", 3600)
      write(token)
      const neck = yield* sidecarWith([route(service.url, token)])
      const call = (method: string, path: string) =>
        send(neck.socketPath, { path: `/route/${CODEX}${path}`, method, headers: placeholders })
      for (const [method, path] of [
        ["GET", "/ps/plugins/installed?limit=200"],
        ["GET", "/wham/usage"],
        ["POST", "/codex/analytics-events/events"],
        ["GET", "/api/codex/accounts/check"],
        ["POST", "/api/codex/ps/mcp"],
      ] as const) {
        const { status, text } = yield* call(method, path)
        expect([path, status, text]).toEqual([path, 200, "{}"])
      }
      for (const [method, path] of [
        ["GET", "/"],
        ["GET", "/responses"],
        ["GET", "/responses/resp_1"],
        ["DELETE", "/models"],
        ["GET", "/conversations"],
        ["POST", "/files"],
        ["TRACE", "/wham/usage"],
        ["GET", "/wham/../models"],
        ["GET", "/wham/%2e%2e/conversations"],
        ["GET", "/ps/..%2fconversations"],
      ] as const) {
        const { status } = yield* call(method, path)
        expect([method, path, status === 403 || status === 400]).toEqual([method, path, true])
      }
      expect(service.asked).toEqual([])
      expect(neck.logText()).not.toContain(token)
    }),
  )

  it.scopedLive("says what to run on the host when the login has expired, until it is renewed", () =>
    Effect.gen(function* () {
      const { write, route } = yield* login
      const service = yield* upstream()
      const over = jwt("over", -1)
      write(over)
      const neck = yield* sidecarWith([route(service.url, over)])
      const call = send(neck.socketPath, { path: `/route/${CODEX}/responses`, headers: placeholders })
      const refused = yield* call
      // A 401 would have the program try to refresh its placeholders.
      expect([refused.status, refused.json()]).toEqual([
        400,
        {
          error: expect.objectContaining({
            message: "the operator's codex login has expired: run `codex login` on the host",
          }),
        },
      ])
      expect(service.asked).toEqual([])
      write(jwt("new", 3600))
      expect((yield* call).status).toBe(200)
      expect(neck.entries()[0]).toMatchObject({
        outcome: "rejected",
        reason: expect.stringContaining("codex login"),
      })
    }),
  )

  it.scopedLive("says it in the provider's own form when the service refuses the login", () =>
    Effect.gen(function* () {
      const { write, route } = yield* login
      const service = yield* upstream((incoming, response) => {
        incoming.resume().on("end", () => response.writeHead(401).end("the token sk-of-the-operator is gone"))
      })
      const token = jwt("gone", 3600)
      write(token)
      const neck = yield* sidecarWith([
        route(service.url, token),
        routeTo(service.url, { name: CLAUDE, value: "sk-ant-oat01-real-0123456789" }),
      ])
      const codex = yield* send(neck.socketPath, { path: `/route/${CODEX}/responses`, body: "x" })
      expect([codex.status, codex.text]).toEqual([
        400,
        expect.stringContaining("run `codex login` on the host"),
      ])
      const claude = yield* send(neck.socketPath, {
        path: `/route/${CLAUDE}/v1/messages?beta=true`,
        body: "x",
      })
      expect([claude.status, claude.json()]).toEqual([
        401,
        {
          type: "error",
          error: {
            type: "authentication_error",
            message: expect.stringContaining("run `claude setup-token` on the host"),
          },
        },
      ])
      expect(codex.text + claude.text).not.toContain("of-the-operator")
    }),
  )

  it.scopedLive("passes what claude adds for its subscription", () =>
    Effect.gen(function* () {
      const service = yield* upstream()
      const neck = yield* sidecarWith([
        routeTo(service.url, { name: CLAUDE, value: "sk-ant-oat01-real-0123456789" }),
      ])
      yield* send(neck.socketPath, {
        path: `/route/${CLAUDE}/v1/messages?beta=true`,
        body: "x",
        headers: {
          authorization: "Bearer sk-ant-oat01-added-by-the-neck",
          "anthropic-beta": "oauth-2025-04-20",
        },
      })
      expect(service.asked).toMatchObject([
        {
          url: "/v1/messages?beta=true",
          headers: {
            authorization: "Bearer sk-ant-oat01-real-0123456789",
            "anthropic-beta": "oauth-2025-04-20",
          },
        },
      ])
    }),
  )
})
