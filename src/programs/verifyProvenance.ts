/** verifyProvenance: whether the operation log of a bottle is complete and unchanged. */
import { Effect, Option } from "effect"
import { BottleNotFound } from "../domain/Errors.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { OperationLogs } from "../services/OperationLogs.ts"
import { parseSlug } from "./parseSlug.ts"

/** Checks the hash chain of a bottle's operation log. It detects removed, changed and reordered lines. */
export const verifyProvenance = Effect.fn("verifyProvenance")(function* (name: string) {
  const slug = yield* parseSlug(name)
  if (Option.isNone(yield* (yield* BottleStore).get(slug))) return yield* new BottleNotFound({ slug })
  return yield* (yield* OperationLogs).verifyLog(slug)
})
