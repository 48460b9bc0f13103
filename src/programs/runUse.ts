/** runUse: what one run of a bottle used. */
import { Effect, Option } from "effect"
import { BottleNotFound } from "../domain/Errors.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { useOf } from "./listBottles.ts"
import { parseSlug } from "./parseSlug.ts"

/** What a run of a bottle used so far; the newest run unless given. None when nothing was counted. */
export const runUse = Effect.fn("runUse")(function* (name: string, run?: number) {
  const slug = yield* parseSlug(name)
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.isNone(row)) return yield* new BottleNotFound({ slug })
  const of = run ?? row.value.run
  const use =
    of === row.value.run ? yield* useOf(row.value) : yield* (yield* BottleEvents).use(slug, of, false)
  return { run: of, use }
})
