/** HomeLease is the right to serve a home. One live process holds it. */
import { Context, type Effect, type Scope } from "effect"
import type { HomeServed, StateStoreError } from "../domain/Errors.ts"

/** HomeLease is the right to serve a home. */
export class HomeLease extends Context.Tag("bot-bottle/HomeLease")<
  HomeLease,
  {
    /** Holds the lease until the scope ends, or fails with `HomeServed`. Takes over a lease whose process is gone. */
    readonly hold: Effect.Effect<void, HomeServed | StateStoreError, Scope.Scope>
  }
>() {}
