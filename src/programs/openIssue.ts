/** openIssue: reads the issue of a run from its forge, before anything is created. */
import { Effect } from "effect"
import { type AssignedForge, DEFAULT_FORGE_ORG } from "../domain/Assignment.ts"
import { issueName } from "../domain/ForgeState.ts"
import type { ForgeStateKey } from "../domain/ForgeState.ts"
import type { ForgeApi } from "../services/Forge.ts"
import { Forges } from "../services/Forges.ts"

/**
 * The issue, and the login of the token's user (`""` when the token may not read it). Logs the forge, the user and the bots'
 * organisation. Fails with `ForgeConfigInvalid`, or with `ForgeRequestError` when the forge cannot be reached, does not accept the
 * token, or has no such repository or issue.
 */
export const openIssue = Effect.fn("openIssue")(function* (
  { target, assignment }: AssignedForge,
  key: ForgeStateKey,
) {
  const forge = yield* (yield* Forges).of(target, assignment)
  const [issue, agentGitUser] = yield* Effect.all([forge.readIssue(key.issueNumber), loginOf(forge)], {
    concurrency: 2,
  })
  const user = agentGitUser === "" ? "a user that the token cannot name" : agentGitUser
  yield* Effect.logInfo(
    `forge: ${issueName(key)} at ${key.forge}, as ${user}; FORGE_ORG is ${assignment.org ?? DEFAULT_FORGE_ORG}`,
  )
  return { issue, agentGitUser }
})

/** A token without the scope to read its own user can still do its work. */
const loginOf = (forge: ForgeApi) =>
  forge.self.pipe(
    Effect.map(({ login }) => login),
    Effect.catchIf(
      ({ reason }) => reason === "Forbidden",
      () => Effect.succeed(""),
    ),
  )
