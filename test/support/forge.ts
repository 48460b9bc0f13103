/** A simulated forge for tests that run the CLI: one repository with the issues 17 (assigned) and 1 (not ours). */
import { Effect, Exit, Scope } from "effect"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"

/** The secret of every such run: looked for everywhere. */
export const TOKEN = "0123456789abcdef0123456789abcdef01234567"

/** Starts the forge; `env` is what `orchestrate` reads. */
export const startForge = async () => {
  const scope = Effect.runSync(Scope.make())
  const forge = await Effect.runPromise(
    GiteaSimulator.make({
      users: [{ login: "bot", token: TOKEN }, { login: "ada" }],
      orgs: [{ name: "bot-bottle", members: ["bot"] }],
      repos: [
        {
          owner: "ada",
          name: "cellar",
          collaborators: { bot: "write" },
          issues: [
            { number: 1, title: "Not yours", author: "ada" },
            {
              number: 17,
              title: "The door",
              body: "It does not close.",
              author: "ada",
              assignees: ["bot"],
              labels: ["bot-bottle:worker"],
            },
          ],
        },
      ],
    }).pipe(Scope.extend(scope)),
  )
  return {
    forge,
    comments: (number: number) => forge.state.issue("ada", "cellar", number)?.comments ?? [],
    env: {
      FORGE_GITEA_API: forge.apiUrl,
      FORGE_GITEA_TOKEN: TOKEN,
      FORGE_OWNER: "ada",
      FORGE_REPO: "cellar",
      FORGE_ISSUE_NUMBER: "17",
      FORGE_PR_NUMBER: "",
    },
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  }
}
