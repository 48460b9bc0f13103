/** Pickers: an operator selects agent and bottles from lists, on a terminal. */
import { Prompt } from "@effect/cli"
import { Effect, Option } from "effect"
import { Cancelled, InvalidInput } from "../../domain/Errors.ts"
import { neutralLine } from "../../domain/Neutral.ts"
import { lookups } from "../../layers/live.ts"
import type { ManifestEntry } from "../../services/Manifests.ts"
import { Manifests } from "../../services/Manifests.ts"

/** Lets the operator select one of the agents. */
export const pickAgent = Effect.gen(function* () {
  const { agents } = yield* (yield* Manifests).list()
  if (agents.length === 0) {
    return yield* new InvalidInput({
      field: "agent",
      reason: `there are no agent manifests: "bot-bottle init" writes examples`,
    })
  }
  return yield* orCancelled(
    Prompt.select({ message: "Which agent?", choices: agents.map((agent) => choice(agent)) }),
  )
}).pipe(Effect.provide(lookups))

/** Lets the operator select the bottles of an agent; its default is preselected. Without any bottle there is no selection. */
export const pickBottles = Effect.fn("pickBottles")(function* (agent: string) {
  const manifests = yield* Manifests
  const own = Option.getOrUndefined((yield* manifests.agent(agent)).bottle)
  const { bottles } = yield* manifests.list()
  if (bottles.length === 0 || (bottles.length === 1 && bottles[0]?.name === own)) return []
  return yield* orCancelled(
    Prompt.multiSelect({
      message: "Which bottles? (space selects, enter continues)",
      choices: bottles.map((bottle) => choice(bottle, bottle.name === own)),
    }),
  )
}, Effect.provide(lookups))

const choice = ({ name, description }: ManifestEntry, selected = false) => ({
  title: neutralLine(name),
  value: name,
  description: neutralLine(description),
  selected,
})

const orCancelled = <A>(prompt: Prompt.Prompt<A>): Effect.Effect<A, Cancelled, Prompt.Prompt.Environment> =>
  Effect.catchTag(prompt, "QuitException", () => new Cancelled({ reason: "nothing was chosen" }))
