/** Forges gives the forge of a target; each kind of forge is registered by its name. */
import type { Effect, Stream } from "effect"
import { Context } from "effect"
import type { AssignedForge, ForgeTrust } from "../domain/Assignment.ts"
import type { ForgeConfigInvalid, ForgeRequestError } from "../domain/Errors.ts"
import type { ForgeChanges } from "../domain/ForgeChanges.ts"
import type { ReactionContent } from "../domain/orchestrator/Outbox.ts"
import type { ForgeAccess, ForgeTarget } from "../domain/ForgeTarget.ts"
import type { ForgeApi } from "./Forge.ts"
import type { ForgeHooks } from "./ForgeHooks.ts"

/** What FORGE_* variables say, read from the current `ConfigProvider`. */
export interface ForgeVariables {
  /** The forge and the token. */
  readonly access: Effect.Effect<ForgeAccess, ForgeConfigInvalid>
  /** With the repository, and whose words count there. */
  readonly target: Effect.Effect<
    { readonly target: ForgeTarget; readonly trust: ForgeTrust },
    ForgeConfigInvalid
  >
  /** With the issue: everything a run needs to know. */
  readonly assigned: Effect.Effect<AssignedForge, ForgeConfigInvalid>
}

/** What is reacted to. */
export type ReactTo = { readonly number: number } | { readonly comment: number }

/** Reacts to something as the user of the token. */
export type Reacts = (
  target: ForgeTarget,
  to: ReactTo,
  content: ReactionContent,
) => Effect.Effect<void, ForgeRequestError | ForgeConfigInvalid>

/** How forges of one kind are reached. */
export interface ForgeKind {
  /** The forge of a target, nothing of which is asked until a method is used. */
  readonly make: (target: ForgeTarget, trust: ForgeTrust) => Effect.Effect<ForgeApi, ForgeConfigInvalid>
  /** Where it shows and serves its repositories: `<web address>/<owner>/<repo>`. Pure. */
  readonly webUrl: (apiUrl: string) => string
  /** As `Forges.changedSince`. Absent: what changed cannot be asked for, and nothing but webhooks says it. */
  readonly changedSince?: (
    access: ForgeAccess,
    since: number | undefined,
  ) => Stream.Stream<ForgeChanges, ForgeRequestError>
  /** As `Forges.react`. Absent: it knows no reactions. */
  readonly react?: Reacts
  /** As `Forges.hooks`. Absent: people make the webhooks by hand. */
  readonly hooks?: (access: ForgeAccess) => Effect.Effect<ForgeHooks>
  /** Absent: no FORGE_* variables are for this kind, and its targets come as values. */
  readonly variables?: ForgeVariables
}

/** Forges gives the forge of a target. */
export interface ForgesApi {
  /** Names of the kinds that are registered. */
  readonly kinds: ReadonlyArray<string>
  /**
   * The forge of a target; nothing is asked of it until a method is used. Without `trust` the bots' org is the default
   * and the owner's org is trusted. Fails with `ForgeConfigInvalid` when its kind is not registered.
   */
  readonly of: (target: ForgeTarget, trust?: ForgeTrust) => Effect.Effect<ForgeApi, ForgeConfigInvalid>
  /** Where a target's forge shows and serves its repositories, without a slash at the end. */
  readonly webUrl: (target: Pick<ForgeTarget, "kind" | "apiUrl">) => Effect.Effect<string, ForgeConfigInvalid>
  /**
   * What changed since a time of the forge's clock, in milliseconds, inclusive, in every repository that the token sees; without a time
   * all issues and pull requests that are open. At least one part comes, with the forge's clock; in no order, and what changes
   * meanwhile may come twice. Fails with `ForgeConfigInvalid` when the forge's kind cannot be asked so.
   */
  readonly changedSince: (
    access: ForgeAccess,
    since: number | undefined,
  ) => Stream.Stream<ForgeChanges, ForgeRequestError | ForgeConfigInvalid>
  /**
   * Reacts to an issue or a pull request, or to a comment on one, as the token's user; safe to repeat. Ok where the forge's kind knows
   * no reactions. No run can: it is no part of a `ForgeApi`.
   */
  readonly react: Reacts
  /** The webhooks of a forge; nothing is asked of it until a method is used. Fails when its kind cannot make any. */
  readonly hooks: (access: ForgeAccess) => Effect.Effect<ForgeHooks, ForgeConfigInvalid>
  /** Reads FORGE_* variables, the file that holds the token too. */
  readonly variables: ForgeVariables
}

/** Forges gives the forge of a target. */
export class Forges extends Context.Tag("bot-bottle/Forges")<Forges, ForgesApi>() {}
