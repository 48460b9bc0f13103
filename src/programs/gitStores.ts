/** Stores of upstream objects that no bottle borrows from, as garbage. They are a cache, kept for a day for the next bottle. */
import { Clock, Duration, Effect } from "effect"
import { ObjectStores } from "../services/ObjectStores.ts"

/** How long an unused store is kept. */
export const STORE_AGE = Duration.days(1)

/** The stores, each with how to remove it. */
export const gitStoreGarbage = Effect.fn("gitStoreGarbage")(function* () {
  const stores = yield* ObjectStores
  const before = (yield* Clock.currentTimeMillis) - Duration.toMillis(STORE_AGE)
  const unused = yield* stores.unusedStores
  return unused.flatMap(({ name, since }) =>
    since >= before
      ? []
      : [
          {
            item: {
              kind: "store" as const,
              slug: "" as const,
              backend: "",
              reason: `no bottle has used these objects of a repository for a day: ${name}`,
            },
            remove: stores.removeStore(name),
          },
        ],
  )
})
