/** How to test an agent of your own up to its pull request: a simulated Gitea over a real repository, and no engine. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { FileSystem } from "@effect/platform"
import { it } from "@effect/vitest"
import { destroy, orchestrateStart } from "bot-bottle"
import * as Backends from "bot-bottle/Backends"
import { Home, homeAt } from "bot-bottle/Home"
import * as GiteaForges from "bot-bottle/GiteaForges"
import * as HostBackend from "bot-bottle/HostBackend"
import * as LiveProviders from "bot-bottle/LiveProviders"
import * as MemoryBottleStore from "bot-bottle/MemoryBottleStore"
import * as MemoryForgeStateStore from "bot-bottle/MemoryForgeStateStore"
import * as NodeProcessRunner from "bot-bottle/NodeProcessRunner"
import * as SidecarInProcess from "bot-bottle/SidecarInProcess"
import { GitServer, GiteaSimulator, MemoryManifests } from "bot-bottle/testing"
import { ConfigProvider, Effect, Layer } from "effect"
import { expect } from "vitest"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"

/** The agent under test; its workspace is a clone of the repository, on a branch of its own. */
const agent = `set -e
echo "Width: 90 cm" >door.md
git commit -qam "Plane the door"
git push -q origin HEAD
echo "Closes #17" | forge open-pr --title "The door closes" --head "$(git branch --show-current)"
forge signal-done success "planed it"`

it.scopedLive(
  "the agent's work is in a pull request that closes its issue",
  () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const repositories = yield* GitServer.make(yield* fs.makeTempDirectoryScoped())
      const gitea = yield* GiteaSimulator.make(
        {
          users: [{ login: "bot", token: TOKEN }],
          repos: [
            {
              owner: "ada",
              name: "cellar",
              collaborators: { bot: "write" },
              issues: [{ number: 17, title: "The door" }],
            },
          ],
        },
        { mounts: [repositories.mount] },
      )
      yield* repositories.create("ada", "cellar", { "door.md": "Width: 91 cm\n" })

      const layers = Layer.mergeAll(
        Backends.layer({ host: HostBackend.make }),
        MemoryManifests.layer({
          agents: { carpenter: { bottle: "bench", command: ["sh", "-c", agent] } },
          bottles: {
            bench: {
              backend: "host",
              git: { app: { forge: true, private: true } },
              workspace: { git: "app" },
            },
          },
        }),
        MemoryBottleStore.layer,
        MemoryForgeStateStore.layer,
        LiveProviders.layer,
        SidecarInProcess.layer,
        GiteaForges.layer,
      )
      const variables = {
        FORGE_GITEA_API: gitea.apiUrl,
        FORGE_GITEA_TOKEN: TOKEN,
        FORGE_OWNER: "ada",
        FORGE_REPO: "cellar",
        FORGE_ISSUE_NUMBER: "17",
      }
      yield* Effect.flatMap(orchestrateStart({ agent: "carpenter", prompt: "Mend it." }), (slug) =>
        destroy(slug),
      ).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))),
        Effect.provide(layers),
        Effect.provideService(Home, homeAt(yield* fs.makeTempDirectoryScoped())),
      )

      const pull = gitea.state.issue("ada", "cellar", 18)
      expect(pull).toMatchObject({ title: "The door closes", body: "Closes #17\n", state: "open" })
      const commits = yield* repositories.ask("ada", "cellar", [
        "log",
        "--format=%s",
        `main..${pull?.pull?.head}`,
      ])
      expect(commits).toBe("Plane the door")
    }).pipe(Effect.provide([NodeContext.layer, NodeProcessRunner.layer])),
  120_000,
)
