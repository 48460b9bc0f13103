/** ForgeHooks can list, make, test and remove the webhooks by which a forge reports what changed. */
import type { Effect, Redacted } from "effect"
import type { ForgeRequestError } from "../domain/Errors.ts"

/** Who has the hook: a repository, or without `repo` an organisation, whose hooks are for all of its repositories. */
export interface HookPlace {
  readonly owner: string
  readonly repo?: string
}

/** A webhook. A forge never shows its secret. */
export interface ForgeHook {
  readonly id: number
  /** Where it delivers to. */
  readonly url: string
  /** Whether it is active, sends the JSON that is signed, and has all events that an orchestrator needs. */
  readonly isWhole: boolean
}

/** What a webhook is made with. */
export interface NewHook {
  readonly url: string
  readonly secret: Redacted.Redacted
}

/** The webhooks of one forge. All of it takes an administrator of the repository, or an owner of the organisation. */
export interface ForgeHooks {
  readonly list: (place: HookPlace) => Effect.Effect<ReadonlyArray<ForgeHook>, ForgeRequestError>
  /** The hook's id. It is made once, even when the answer is lost; a second one to the same address is not refused. */
  readonly create: (place: HookPlace, hook: NewHook) => Effect.Effect<number, ForgeRequestError>
  /** Ok when there is none of that id. */
  readonly remove: (place: HookPlace, id: number) => Effect.Effect<void, ForgeRequestError>
  /** Has the forge send a delivery that reports nothing. Whether it arrives only the receiver knows. */
  readonly test: (place: Required<HookPlace>, id: number) => Effect.Effect<void, ForgeRequestError>
}
