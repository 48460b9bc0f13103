/** Refuses an agent's texts that contain a secret. The response says where the secret is, never what it is. */
import { Effect } from "effect"
import type { SecretScannerApi } from "../../services/SecretScanner.ts"
import { CallFailure, internalFailure } from "./CallFailure.ts"

/** Every string in the unparsed parameters of a call, with its parameter's name. Nested names count too. */
export const stringsOf = (given: unknown): ReadonlyArray<readonly [string, string]> => {
  if (typeof given !== "object" || given === null) return []
  const texts: Array<readonly [string, string]> = []
  for (const [name, value] of Object.entries(given)) {
    for (const text of within(value)) texts.push([name, text])
  }
  return texts
}

const within = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  if (typeof value !== "object" || value === null) return NONE
  const names = Array.isArray(value) ? [] : Object.keys(value)
  return [...names, ...Object.values(value).flatMap(within)]
}

const NONE: ReadonlyArray<string> = []

/** Fails when a string in the parameters contains a secret. A failed scan refuses too. */
export const refuseSecrets = (
  scanText: SecretScannerApi["scanText"],
  given: unknown,
): Effect.Effect<void, CallFailure> => {
  const texts = stringsOf(given)
  return texts.length === 0 ? Effect.void : scanAll(scanText, texts)
}

const scanAll = Effect.fnUntraced(function* (
  scanText: SecretScannerApi["scanText"],
  texts: ReturnType<typeof stringsOf>,
) {
  for (const [name, text] of texts) {
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
