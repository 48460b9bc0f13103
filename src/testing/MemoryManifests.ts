/** Manifests in memory: for tests, and for programs without manifest files. */
import { Effect, Layer, Option } from "effect"
import { createHash } from "node:crypto"
import type { ManifestDigest } from "../domain/Bottle.ts"
import { ManifestInvalid } from "../domain/Errors.ts"
import type { AgentManifest, BottleManifest, ProviderName } from "../domain/Manifest.ts"
import { buildOf, mergeBottles } from "../domain/Manifest.ts"
import { agentNotFound } from "../domain/ManifestFile.ts"
import type { PriceTable } from "../domain/usage/Prices.ts"
import { Manifests } from "../services/Manifests.ts"

/** An agent. The default provider is `command`, and the default command is `cat`, which repeats its prompt. */
export interface MemoryAgent {
  readonly provider?: ProviderName
  readonly bottle?: string
  readonly model?: string
  readonly description?: string
  readonly command?: readonly [string, ...ReadonlyArray<string>]
  readonly systemPrompt?: string
}

/** Agents and bottles by name. */
export interface MemoryManifestsOptions {
  readonly agents?: Readonly<Record<string, MemoryAgent>>
  readonly bottles?: Readonly<Record<string, BottleManifest>>
  readonly prices?: PriceTable
}

/** Manifests from the given objects. There is no project to trust, and `init` writes nothing. */
export const layer = (options: MemoryManifestsOptions): Layer.Layer<Manifests> => {
  const agents = new Map(Object.entries(options.agents ?? {}))
  const bottles = new Map(Object.entries(options.bottles ?? {}))
  return Layer.succeed(
    Manifests,
    Manifests.of({
      agent: (name) =>
        Effect.fromNullable(agents.get(name)).pipe(
          Effect.map((agent) => agentOf(name, agent)),
          Effect.orElseFail(() =>
            agentNotFound(name, { folder: "memory", names: [...agents.keys()].sort() }),
          ),
        ),
      bottle: (names) =>
        Effect.forEach(names, (name) =>
          Effect.orElseFail(Effect.fromNullable(bottles.get(name)), () =>
            invalid(
              `bottles/${name}.yaml`,
              `expected a bottle manifest; known are ${[...bottles.keys()].sort().join(", ")}`,
            ),
          ),
        ).pipe(Effect.map(mergeBottles)),
      digests: (agent, names) =>
        Effect.succeed([
          digestOf("agent", agent, agents.get(agent)),
          ...names.map((name) => digestOf("bottle", name, bottles.get(name))),
        ]),
      list: () =>
        Effect.succeed({
          agents: sorted(agents).map(([name, { description }]) => ({
            name,
            file: "",
            description: description ?? "",
          })),
          bottles: sorted(bottles).map(([name, { build, image }]) => ({
            name,
            file: "",
            description: image ?? (build === undefined ? "" : buildOf(build).context),
          })),
        }),
      prices: Effect.succeed(options.prices ?? {}),
      describeProject: (cwd = "") =>
        Effect.succeed({ directory: cwd, state: "absent", files: [], digest: "", problems: [] }),
      trust: (cwd = "") =>
        Effect.fail(invalid(cwd, "there is nothing to trust: these manifests are in memory")),
      init: Effect.succeed([]),
    }),
  )
}

/** There is no file: the digest is that of the object as JSON. */
const digestOf = (kind: ManifestDigest["kind"], name: string, manifest: unknown): ManifestDigest => ({
  kind,
  name,
  sha256: createHash("sha256")
    .update(JSON.stringify(manifest) ?? "")
    .digest("hex"),
})

const agentOf = (name: string, agent: MemoryAgent): AgentManifest => {
  const provider = agent.provider ?? "command"
  return {
    name,
    provider,
    bottle: Option.fromNullable(agent.bottle),
    model: Option.fromNullable(agent.model),
    description: Option.fromNullable(agent.description),
    command: provider === "command" ? Option.some(agent.command ?? ["cat"]) : Option.none(),
    systemPrompt: agent.systemPrompt ?? "",
  }
}

const sorted = <A>(map: ReadonlyMap<string, A>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

const invalid = (file: string, expected: string) => new ManifestInvalid({ file, key: "", expected })
