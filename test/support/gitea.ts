/** A GiteaForge that speaks to a simulator over HTTP, as the tests of it need. */
import { Effect, Redacted, type Scope } from "effect"
import * as GiteaForge from "../../src/layers/gitea/GiteaForge.ts"
import type { ForgeApi } from "../../src/services/Forge.ts"
import type { ForgeRequestError } from "../../src/domain/Errors.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { contractOrgs, contractSeed } from "../contracts/Forge.ts"

/** The token of the simulated bot; a test that looks for leaks looks for this. */
export const TOKEN = "0123456789abcdef0123456789abcdef01234567"

/** A forge and what it speaks to. */
export interface Simulated {
  readonly forge: ForgeApi
  readonly sim: GiteaSimulator.GiteaSimulator
  readonly state: GiteaSimulator.GiteaState
}

/** The repository of the contract suite, seen by `bot` through a real layer and a real connection. */
export const simulated = (
  config: Partial<GiteaForge.GiteaForgeConfig> = {},
  seed: GiteaSimulator.GiteaSeed = {},
): Effect.Effect<Simulated, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sim = yield* GiteaSimulator.make({
      users: [{ login: "bot", token: TOKEN }],
      orgs: contractOrgs,
      repos: [contractSeed],
      ...seed,
    })
    const forge = yield* GiteaForge.make({
      apiUrl: sim.apiUrl,
      owner: "acme",
      repo: "tool",
      token: Redacted.make(TOKEN),
      org: "bots",
      trustOrg: "team",
      ...config,
    })
    return { forge, sim, state: sim.state }
  })

/** Answers that status to whatever is asked. */
export const status = (
  code: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
): GiteaSimulator.Fault => ({
  kind: "status",
  status: code,
  times: 99,
  ...(body === undefined ? {} : { body }),
  ...(headers === undefined ? {} : { headers }),
})

/** Fails with what a caller sees, for whichever method. */
export const failed = (effect: Effect.Effect<unknown, { readonly _tag: string }>) =>
  Effect.flip(effect as Effect.Effect<unknown, ForgeRequestError>)
