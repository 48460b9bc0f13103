/** VerificationStore in memory: for tests, and for programs that need no persistence. */
import { Effect, Layer, Option } from "effect"
import type { VerificationKey } from "../../domain/Verification.ts"
import { VerificationStore } from "../../services/VerificationStore.ts"

/** An empty store, private to this layer. */
export const layer: Layer.Layer<VerificationStore> = Layer.sync(VerificationStore, () => {
  const rows = new Map<string, string>()
  return VerificationStore.of({
    passedAt: (key) => Effect.sync(() => Option.fromNullable(rows.get(nameOf(key)))),
    record: (key, at) => Effect.sync(() => void rows.set(nameOf(key), at)),
  })
})

const nameOf = ({ image, engine, version }: VerificationKey): string =>
  JSON.stringify([image, engine, version])
