/** git_identity: who this run is at its forge, in the form in which git wants to know who commits. */
import { Effect, Schema } from "effect"
import { forgeAuthor } from "../../domain/Clone.ts"
import { CallFailure, failureOfForge } from "./CallFailure.ts"
import type { CallSpec } from "./Calls.ts"
import { type CallContext, forgeOf } from "./callContext.ts"

const Nothing = Schema.Struct({})

/** The method: `{name, email}` of the token's user. */
export const gitIdentity = (context: CallContext): CallSpec<typeof Nothing.Type> => ({
  name: "git_identity",
  params: Nothing,
  target: () => "",
  writes: false,
  guard: () => Effect.asVoid(forgeOf(context)),
  run: () =>
    Effect.gen(function* () {
      const { api, host } = yield* forgeOf(context)
      const { login } = yield* Effect.mapError(api.self, failureOfForge)
      // It becomes a line of a configuration file, and a name in commits.
      if (!/^[\w.-]{1,100}$/.test(login)) return yield* strange
      return { answer: forgeAuthor(login, host), detail: "told who commits" }
    }),
})

const strange = new CallFailure({
  kind: "forge",
  message: "the forge's name for this run's user is not one for git",
})
