/** The live layers of a command, including the one that verifies bottles whose manifests ask for it. */
import { Effect, Layer } from "effect"
import { layer } from "../../layers/live.ts"
import * as SqliteVerificationStore from "../../layers/sqlite/SqliteVerificationStore.ts"
import { makeVerifier } from "../../programs/requireVerified.ts"
import type { VerifyOptions } from "../../services/Verifier.ts"
import { Verifier } from "../../services/Verifier.ts"
import { note } from "../output.ts"

/** Nothing of it is loaded or opened until a launch needs it. */
const verifier = Layer.succeed(
  Verifier,
  Verifier.of({
    require: (request) =>
      Effect.gen(function* () {
        const { verify } = yield* Effect.promise(() => import("./verify.ts"))
        const telling = (options: VerifyOptions) => verify({ ...options, progress: note })
        yield* (yield* makeVerifier(telling)).require(request)
      }).pipe(
        Effect.provide(SqliteVerificationStore.layer()),
        Effect.catchTag("StateStoreError", (error) => Effect.die(error)),
      ),
  }),
)

/** All live layers. */
export const live = Layer.merge(layer, verifier)
