/** HomeLease is the right to serve a home: one live process has it. */
import { Context, type Effect, type Scope } from "effect"
import type { HomeServed, StateStoreError } from "../domain/Errors.ts"

/** HomeLease is the right to serve a home. */
export class HomeLease extends Context.Tag("bot-bottle/HomeLease")<
  HomeLease,
  {
    /** Holds the lease until the scope ends, else fails with `HomeServed`. A lease of a process that is gone is taken over. */
    readonly hold: Effect.Effect<void, HomeServed | StateStoreError, Scope.Scope>
  }
>() {}
