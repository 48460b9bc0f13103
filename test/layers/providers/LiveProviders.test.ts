import { expect, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as LiveProviders from "../../../src/layers/providers/LiveProviders.ts"
import { Providers } from "../../../src/services/Providers.ts"
import { inputFor } from "./input.ts"

const input = inputFor("command", {
  command: Option.some(["sh", "-c", "cat; echo '$X'"]),
  systemPrompt: "Be kind.",
})

layer(LiveProviders.layer)("LiveProviders", (it) => {
  it.effect(
    "runs a command's argv as it is, with the system prompt ahead of the prompt, at start and at resume",
    () =>
      Effect.gen(function* () {
        const provider = yield* (yield* Providers).get("command")
        for (const how of ["headless", "resume", "interactive", "resumeInteractive"] as const)
          expect(provider[how](input)).toEqual({
            argv: ["sh", "-c", "cat; echo '$X'"],
            env: {},
            prompt: "Be kind.\n\nfix it\n",
            files: [],
          })
      }),
  )

  it.effect("adds nothing to a prompt without a system prompt, and leaves the manifest as it is", () =>
    Effect.gen(function* () {
      const provider = yield* (yield* Providers).get("command")
      const bare = inputFor("command", { command: Option.some(["cat"]) }, { prompt: "p" })
      expect(provider.headless(bare).prompt).toBe("p")
      provider.headless(input)
      expect(input.manifest.systemPrompt).toBe("Be kind.")
    }),
  )

  it.effect("has every provider that a manifest may name", () =>
    Effect.gen(function* () {
      const providers = yield* Providers
      for (const name of ["claude", "codex", "pi"] as const) {
        const { argv } = (yield* providers.get(name)).headless(inputFor(name))
        expect(argv[0]).toBe(name)
      }
    }),
  )
})
