import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import { pi } from "../../../src/layers/providers/pi.ts"
import { filesOf, inputFor } from "./input.ts"

const EXTENSION = ["--extension", "/run/bottle/pi/bot-bottle.js"]

/** What the extension registers, as pi sees it. */
const registered = async (model: string | undefined): Promise<readonly [string, Record<string, unknown>]> => {
  const invocation = pi.headless(inputFor("pi", { model: Option.fromNullable(model) }))
  const source = filesOf(invocation)["pi/bot-bottle.js"] ?? ""
  const { default: extension } = await import(`data:text/javascript,${encodeURIComponent(source)}`)
  const calls: Array<readonly [string, Record<string, unknown>]> = []
  extension({ registerProvider: (...call: readonly [string, Record<string, unknown>]) => calls.push(call) })
  expect(calls.length).toBe(1)
  return calls[0] ?? ["", {}]
}

describe("pi", () => {
  it("prints on a prompt from stdin, goes on with its conversation at resume, and does neither on a terminal", () => {
    const input = inputFor("pi")
    const rest = [...EXTENSION, "--provider", "anthropic"]
    expect(pi.headless(input).argv).toEqual(["pi", "--print", ...rest])
    expect(pi.resume(input).argv).toEqual(["pi", "--print", "--continue", ...rest])
    expect(pi.interactive(input).argv).toEqual(["pi", ...rest])
    expect(pi.resumeInteractive(input).argv).toEqual(["pi", "--continue", ...rest])
    expect(pi.headless(input).prompt).toBe("fix it\n")
    expect(pi.headless(input).env).toEqual({ PI_OFFLINE: "1", PI_TELEMETRY: "0" })
  })

  it("takes provider and model from the manifest, and the system prompt from a file", () => {
    const invocation = pi.headless(
      inputFor("pi", { model: Option.some("openai/gpt-5:high"), systemPrompt: "Be kind." }),
    )
    expect(invocation.argv.slice(4)).toEqual([
      "--provider",
      "openai",
      "--model",
      "gpt-5:high",
      "--append-system-prompt",
      "/run/bottle/pi/system-prompt.md",
    ])
    expect(filesOf(invocation)["pi/system-prompt.md"]).toBe("Be kind.")
  })

  it("asks the models that it knows by the neck", async () => {
    expect(await registered(undefined)).toEqual([
      "anthropic",
      { baseUrl: "http://127.0.0.1:7317/route/anthropic", apiKey: "added-by-the-neck" },
    ])
    expect(await registered("openai/gpt-5")).toEqual([
      "openai",
      { baseUrl: "http://127.0.0.1:7317/route/openai/v1", apiKey: "added-by-the-neck" },
    ])
  })

  it("takes any other route for a server of chat completions with the model named, whatever is in the name", async () => {
    const [name, provider] = await registered('lan/a/"b"\u2028`${c}')
    expect(name).toBe("lan")
    expect(provider).toMatchObject({
      baseUrl: "http://127.0.0.1:7317/route/lan/v1",
      api: "openai-completions",
      models: [{ id: 'a/"b"\u2028`${c}' }],
    })
  })
})
