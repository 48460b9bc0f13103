/** `git_identity`: the run's user at its forge, in the form of git's committer identity. */
import { Effect, Schema } from "effect"
import { forgeAuthor } from "../../../domain/Clone.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import { CallFailure } from "../CallFailure.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { inline } from "../showing.ts"

/** The call: `{name, email}` of the token's user. It is for `bottle/clone`, so it is no tool. */
export const gitIdentity = ForgeCall.make({
  usage: forgeCommands.git_identity,
  params: Schema.Struct({}),
  success: Schema.Struct({ name: Schema.String, email: Schema.String }),
  subject: () => "",
  show: ({ name, email }) => `${inline(name)}\n${inline(email)}`,
  serve: () => ({
    run: (_, { api, host }) =>
      Effect.gen(function* () {
        const { login } = yield* api.self
        // It becomes a line of a configuration file, and a name in commits.
        if (!/^[\w.-]{1,100}$/.test(login)) return yield* strange
        return { answer: forgeAuthor(login, host), detail: "told who commits" }
      }),
  }),
})

const strange = new CallFailure({
  kind: "forge",
  message: "the forge's name for this run's user is not valid for git",
})
