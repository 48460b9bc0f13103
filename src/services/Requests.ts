/** Requests holds what agents asked for, and what people decided. A running sidecar reads the same requests. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { BottleRequest, RequestDecision } from "../domain/AgentRequest.ts"
import type { SidecarError } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"

/** Requests holds what agents asked for, and what people decided. */
export class Requests extends Context.Tag("bot-bottle/Requests")<
  Requests,
  {
    /** Requests of a bottle, oldest first; of every bottle unless one is named. */
    readonly all: (slug?: Slug) => Effect.Effect<ReadonlyArray<BottleRequest>, SidecarError>
    /**
     * Stores a decision. Once it returns `true`, the decision survives a power cut and a running sidecar acts by it. `false`: there was
     * one before, which stays. However many decide at once, one of them is first.
     */
    readonly decide: (slug: Slug, decision: RequestDecision) => Effect.Effect<boolean, SidecarError>
  }
>() {}
