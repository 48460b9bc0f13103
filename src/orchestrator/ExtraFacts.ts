/** ExtraFacts are reads that not every forge supports. A fact that cannot be read is left out, and the rules say what applies then. */
import { Context, Effect } from "effect"
import type { ForgeRequestError } from "../domain/Errors.ts"
import type { Millis } from "../domain/orchestrator/Observed.ts"
import type { ForgeTarget } from "../domain/ForgeTarget.ts"

type Read<A> = Effect.Effect<A, ForgeRequestError>

/** Reads in addition to those of every `Forge`. */
export interface ForgeFacts {
  /** The forge's clock; this machine's unless given. */
  readonly now?: Read<Millis>
}

/** The supported reads. */
export interface ExtraFactsShape {
  readonly forge?: (target: ForgeTarget) => ForgeFacts
}

/** ExtraFacts are the optional reads; none unless provided. */
export class ExtraFacts extends Context.Reference<ExtraFacts>()("bot-bottle/ExtraFacts", {
  defaultValue: (): ExtraFactsShape => ({}),
}) {}
