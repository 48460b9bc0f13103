/** A sidecar's document after its deploy keys are registered: their repositories are then like any others with a key file. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { atRepository } from "../../domain/ForgeTarget.ts"
import { Forges } from "../../services/Forges.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { Processes } from "../../services/Processes.ts"
import type { ServedDocument } from "../SidecarDocument.ts"
import { SidecarSettings } from "../SidecarSettings.ts"
import { KeyFailure, registerKeys } from "./registerKeys.ts"

/** Registers what the document asks for. Revoked when the scope closes. */
export const withDeployKeys = (
  document: ServedDocument,
): Effect.Effect<ServedDocument, KeyFailure, Forges | ProcessRunner | Processes | Scope.Scope> =>
  Effect.gen(function* () {
    const { slug, git, forge, keys } = document
    if ([...git.values()].every(({ deployKey }) => deployKey === undefined)) return document
    if (forge === undefined || keys === undefined)
      return yield* new KeyFailure({ reason: "deployKey: needs forge and keys" })
    const { registerMs, revokeMs } = yield* SidecarSettings
    const forges = yield* Forges
    const registered = yield* registerKeys(git, {
      ...keys,
      registerMs,
      revokeMs,
      slug,
      apiUrl: forge.target.apiUrl,
      forgeOf: (owner, repo) =>
        Effect.mapError(
          forges.of(atRepository(forge.target, { owner, repo })),
          ({ message }) => new KeyFailure({ reason: message }),
        ),
      runner: yield* ProcessRunner,
    })
    return { ...document, git: registered }
  })
