/** Forges returns the forge of a target. Each kind of forge is registered by name. */
import type { Effect, Option, Stream } from "effect"
import { Context } from "effect"
import type { AssignedForge, ForgeTrust } from "../domain/Assignment.ts"
import type { ForgeConfigInvalid, ForgeRequestError } from "../domain/Errors.ts"
import type { ForgeChanges } from "../domain/ForgeChanges.ts"
import type { ReactionContent } from "../domain/orchestrator/Outbox.ts"
import type { ForgeAccess, ForgeTarget } from "../domain/ForgeTarget.ts"
import type { ForgeApi } from "./Forge.ts"
import type { ForgeHooks } from "./ForgeHooks.ts"

/** Reads FORGE_* variables from the current `ConfigProvider`. */
export interface ForgeVariables {
  /** The forge and the token. */
  readonly access: Effect.Effect<ForgeAccess, ForgeConfigInvalid>
  /** With the repository, and who is trusted there. */
  readonly target: Effect.Effect<
    { readonly target: ForgeTarget; readonly trust: ForgeTrust },
    ForgeConfigInvalid
  >
  /** With the issue: everything that a run needs. */
  readonly assigned: Effect.Effect<AssignedForge, ForgeConfigInvalid>
}

/** What to react to. */
export type ReactTo = { readonly number: number } | { readonly comment: number }

/** Adds a reaction as the token's user. */
export type Reacts = (
  target: ForgeTarget,
  to: ReactTo,
  content: ReactionContent,
) => Effect.Effect<void, ForgeRequestError | ForgeConfigInvalid>

/** Reads the text of a file of the repository, at a branch, a tag or a commit (the default branch unless given). */
export type ReadsFile = (
  target: ForgeTarget,
  path: string,
  ref?: string,
) => Effect.Effect<Option.Option<string>, ForgeRequestError | ForgeConfigInvalid>

/** How to reach forges of one kind. */
export interface ForgeKind {
  /** The forge of a target. It sends no request until a method is used. */
  readonly make: (target: ForgeTarget, trust: ForgeTrust) => Effect.Effect<ForgeApi, ForgeConfigInvalid>
  /** The web address under which it shows and serves its repositories: `<web address>/<owner>/<repo>`. Pure. */
  readonly webUrl: (apiUrl: string) => string
  /** As `Forges.changedSince`. Absent: this kind cannot list changes, and only webhooks report them. */
  readonly changedSince?: (
    access: ForgeAccess,
    since: number | undefined,
  ) => Stream.Stream<ForgeChanges, ForgeRequestError>
  /** As `Forges.react`. Absent: it has no reactions. */
  readonly react?: Reacts
  /** As `Forges.readFile`. Absent: files of its repositories are not read. */
  readonly readFile?: ReadsFile
  /** As `Forges.hooks`. Absent: people create webhooks by hand. */
  readonly hooks?: (access: ForgeAccess) => Effect.Effect<ForgeHooks>
  /** Absent: this kind has no FORGE_* variables; its targets are passed as values. */
  readonly variables?: ForgeVariables
}

/** Forges returns the forge of a target. */
export interface ForgesApi {
  /** Names of the registered kinds. */
  readonly kinds: ReadonlyArray<string>
  /**
   * The forge of a target. It sends no request until a method is used. Without `trust`, the bots' organisation is the default one and
   * the owner's organisation is trusted. Fails with `ForgeConfigInvalid` when the kind is not registered.
   */
  readonly of: (target: ForgeTarget, trust?: ForgeTrust) => Effect.Effect<ForgeApi, ForgeConfigInvalid>
  /** The web address under which a target's forge shows and serves its repositories, without a trailing slash. */
  readonly webUrl: (target: Pick<ForgeTarget, "kind" | "apiUrl">) => Effect.Effect<string, ForgeConfigInvalid>
  /**
   * What changed since a time on the forge's clock (milliseconds, inclusive) in every repository that the token sees. Without a time:
   * all open issues and pull requests. Emits at least one part, with the forge's clock. There is no order, and an item that changes
   * meanwhile may come twice. Fails with `ForgeConfigInvalid` when this kind of forge cannot list changes.
   */
  readonly changedSince: (
    access: ForgeAccess,
    since: number | undefined,
  ) => Stream.Stream<ForgeChanges, ForgeRequestError | ForgeConfigInvalid>
  /**
   * Reacts to an issue, a pull request or a comment, as the token's user. Safe to repeat. Does nothing on a forge without reactions. A
   * run cannot use it: it is not part of `ForgeApi`.
   */
  readonly react: Reacts
  /** None for a file that does not exist or is larger than 1 MiB, and on a forge whose files cannot be read. */
  readonly readFile: ReadsFile
  /** The webhooks of a forge. It sends no request until a method is used. Fails when this kind cannot create webhooks. */
  readonly hooks: (access: ForgeAccess) => Effect.Effect<ForgeHooks, ForgeConfigInvalid>
  /** Reads FORGE_* variables, and the file that holds the token. */
  readonly variables: ForgeVariables
}

/** Forges returns the forge of a target. */
export class Forges extends Context.Tag("bot-bottle/Forges")<Forges, ForgesApi>() {}
