import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import type { ProviderName } from "../../src/domain/Manifest.ts"
import { MODEL_ROUTES, modelRefusal, modelRouteName, routesOf } from "../../src/domain/ProviderRoutes.ts"

const agent = (provider: ProviderName, model?: string) => ({
  name: "worker",
  provider,
  model: Option.fromNullable(model),
})
const docker = { name: "docker", neck: Option.some("http://127.0.0.1:7317") }
const host = { name: "host", neck: Option.none() }
const lan = { upstream: "http://10.0.0.5:8000", header: "Authorization", secret: { env: "LAN_KEY" } }

describe("the route to an agent's model", () => {
  it("follows from the provider, and for pi from the model", () => {
    const names = [
      agent("claude", "openai/gpt-5"),
      agent("codex"),
      agent("command", "x/y"),
      agent("pi"),
      agent("pi", "claude-sonnet-4-5"),
      agent("pi", "openai/gpt-5"),
      agent("pi", "router/meta/llama:free"),
      agent("pi", "lan/"),
    ].map((each) => Option.getOrElse(modelRouteName(each), () => "none"))
    expect(names).toEqual([
      "anthropic",
      "openai",
      "none",
      "anthropic",
      "anthropic",
      "openai",
      "router",
      "anthropic",
    ])
  })

  it("is added to the bottle's routes, and gives way to a route of its name", () => {
    expect(routesOf(agent("claude"), { routes: { lan } })).toEqual({
      lan,
      anthropic: MODEL_ROUTES["anthropic"],
    })
    expect(routesOf(agent("codex"), { routes: { openai: lan } })).toEqual({ openai: lan })
    expect(routesOf(agent("command"), {})).toEqual({})
    expect(routesOf(agent("pi", "__proto__/m"), {})).toEqual({})
  })

  it("allows a model to be asked, and nothing by which data could be left or fetched", () => {
    const allowed = Object.values(MODEL_ROUTES).flatMap((route) => route.allow ?? [])
    expect(allowed.length).toBeGreaterThan(0)
    for (const pattern of allowed) {
      expect(pattern).toMatch(/^(POST|GET) \/v1\/[a-z_/]+(\/\*)?$/)
      expect(pattern).not.toMatch(
        /files|batch|fine|tuning|organization|uploads|assistants|threads|vector|\/v1\/\*/,
      )
    }
  })

  it("is missed before anything is made: no route, or a neck without a fixed address", () => {
    expect(modelRefusal(agent("pi", "lan/m"), { routes: { lan } }, docker)).toEqual(Option.none())
    expect(modelRefusal(agent("command"), {}, host)).toEqual(Option.none())
    for (const provider of ["claude", "codex", "pi"] as const) {
      expect(modelRefusal(agent(provider), {}, docker)).toEqual(Option.none())
      expect(Option.getOrThrow(modelRefusal(agent(provider), {}, host)).message).toContain(
        `provider ${provider} cannot run on the backend host`,
      )
    }
    for (const model of ["lan/m", "toString/m", "../m/x"]) {
      const refused = Option.getOrThrow(modelRefusal(agent("pi", model), {}, docker))
      expect(refused.message).toContain(`asks for a model of "${model.split("/")[0]}"`)
    }
  })
})
