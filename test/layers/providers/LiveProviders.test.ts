import { expect, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import { LaunchRefused } from "../../../src/domain/Errors.ts"
import type { AgentManifest } from "../../../src/domain/Manifest.ts"
import * as LiveProviders from "../../../src/layers/providers/LiveProviders.ts"
import { Providers } from "../../../src/services/Providers.ts"

const manifest: AgentManifest = {
  name: "a",
  provider: "command",
  bottle: Option.none(),
  model: Option.none(),
  description: Option.none(),
  command: Option.some(["sh", "-c", "cat; echo '$X'"]),
  systemPrompt: "Be kind.",
}

layer(LiveProviders.layer)("LiveProviders", (it) => {
  it.effect(
    "runs a command's argv as it is, with the system prompt ahead of the prompt, at start and at resume",
    () =>
      Effect.gen(function* () {
        const provider = yield* (yield* Providers).get("command")
        const input = { manifest, prompt: "fix it\n", neck: "http://127.0.0.1:7317" }
        for (const how of ["headless", "resume", "interactive"] as const)
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
      const before = structuredClone({ ...manifest, command: null })
      const bare = provider.headless({ manifest: { ...manifest, systemPrompt: "" }, prompt: "p", neck: "" })
      expect(bare.prompt).toBe("p")
      provider.headless({ manifest, prompt: "overlay and p", neck: "" })
      expect(manifest.systemPrompt).toBe(before.systemPrompt)
    }),
  )

  it.effect("refuses a launch with a provider that is not built yet, and names it", () =>
    Effect.gen(function* () {
      for (const name of ["claude", "codex", "pi"] as const) {
        const refused = yield* Effect.flip((yield* Providers).get(name))
        expect(refused).toBeInstanceOf(LaunchRefused)
        expect(refused.message).toContain(`provider ${name} is not built yet in this version`)
      }
    }),
  )
})
