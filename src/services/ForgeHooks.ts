/** ForgeHooks can list, make, test and remove the webhooks by which a forge reports what changed. */
import type { Effect, Redacted } from "effect"
import type { ForgeRequestError } from "../domain/Errors.ts"

/** The owner of a hook: a repository or, without `repo`, an organisation, whose hooks apply to all its repositories. */
export interface HookPlace {
  readonly owner: string
  readonly repo?: string
}

/** A webhook. A forge never returns its secret. */
export interface ForgeHook {
  readonly id: number
  /** The address that it delivers to. */
  readonly url: string
  /** Whether it is active, sends the signed JSON, and has all events that an orchestrator needs. */
  readonly isWhole: boolean
}

/** Input to create a webhook. */
export interface NewHook {
  readonly url: string
  readonly secret: Redacted.Redacted
}

/** The webhooks of one forge. Every method requires an administrator of the repository or an owner of the organisation. */
export interface ForgeHooks {
  readonly list: (place: HookPlace) => Effect.Effect<ReadonlyArray<ForgeHook>, ForgeRequestError>
  /** Returns the hook's ID. It is created only once, even when the response is lost. A second hook to the same address is not refused. */
  readonly create: (place: HookPlace, hook: NewHook) => Effect.Effect<number, ForgeRequestError>
  /** Succeeds when there is no hook with that ID. */
  readonly remove: (place: HookPlace, id: number) => Effect.Effect<void, ForgeRequestError>
  /** Asks the forge to send a test delivery that reports nothing. Only the receiver knows whether it arrives. */
  readonly test: (place: Required<HookPlace>, id: number) => Effect.Effect<void, ForgeRequestError>
}
