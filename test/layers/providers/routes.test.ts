import { describe, expect, it } from "@effect/vitest"
import { Either, Redacted } from "effect"
import { MODEL_ROUTES } from "../../../src/domain/ProviderRoutes.ts"
import { headerValueOf, readRoute } from "../../../src/sidecar/routes/Route.ts"

/** A route that is there by default, as the sidecar reads it. */
const served = (name: string) => {
  const { secret: _secret, ...route } = MODEL_ROUTES[name] ?? {
    upstream: "",
    header: "",
    secret: { env: "" },
  }
  return Either.getOrThrow(readRoute({ ...route, name, value: Redacted.make("key") }))
}

describe("a route that is there by default", () => {
  it("carries the key as its API wants it", () => {
    const sent = (name: string) => {
      const [credential] = served(name).credentials
      return headerValueOf(credential, Redacted.value(credential.secret))
    }
    expect(["anthropic", "openai"].map(sent)).toEqual(["key", "Bearer key"])
  })

  it("lets a model be asked", () => {
    const asked = {
      anthropic: ["POST /v1/messages", "POST /v1/messages/count_tokens", "GET /v1/models/claude-x"],
      openai: ["POST /v1/responses", "POST /v1/chat/completions", "GET /v1/models"],
    }
    for (const [name, calls] of Object.entries(asked)) {
      for (const [method = "", path = ""] of calls.map((call) => call.split(" "))) {
        expect([name, method, path, served(name).allows(method, path)]).toEqual([name, method, path, true])
      }
    }
  })

  it("lets nothing be left, fetched or administered", () => {
    const refused = {
      anthropic: [
        "POST /v1/messages/batches",
        "GET /v1/messages/batches/b/results",
        "POST /v1/files",
        "GET /v1/files/f/content",
        "GET /v1/organizations/me",
        "POST /v1/skills",
        "DELETE /v1/models/m",
        "POST /v1/complete",
      ],
      openai: [
        "GET /v1/responses/r",
        "DELETE /v1/models/m",
        "POST /v1/files",
        "POST /v1/uploads",
        "POST /v1/batches",
        "POST /v1/fine_tuning/jobs",
        "GET /v1/organization/users",
        "POST /v1/vector_stores",
        "GET /v1/chat/completions",
      ],
    }
    for (const [name, calls] of Object.entries(refused)) {
      for (const [method = "", path = ""] of calls.map((call) => call.split(" "))) {
        expect([name, method, path, served(name).allows(method, path)]).toEqual([name, method, path, false])
      }
    }
  })
})
