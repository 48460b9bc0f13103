/** Texts of an agent with a secret in them are refused: they are told where it is, never what it is. */
import { Effect } from "effect"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import { CallFailure, internalFailure } from "./CallFailure.ts"

/** Fails when one of the texts, by its parameter's name, has a secret in it. A scan that fails refuses too. */
export const refuseSecrets = Effect.fnUntraced(function* (
  scanText: SecretScannerApi["scanText"],
  texts: Readonly<Record<string, string>>,
) {
  for (const [name, text] of Object.entries(texts)) {
    const [found] = yield* scanText(text).pipe(
      Effect.catchAll((failure) =>
        Effect.zipRight(Effect.logError("a text was not scanned", failure), Effect.fail(internalFailure)),
      ),
    )
    if (found === undefined) continue
    return yield* new CallFailure({
      kind: "secret",
      message: `line ${found.line} of ${name} has a secret in it (${found.rule}): take it out, nothing was sent`,
    })
  }
})
