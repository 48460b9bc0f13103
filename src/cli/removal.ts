/** `--rm`: destroys a bottle when its agent has ended. */
import { Options } from "@effect/cli"
import { Effect } from "effect"
import { AgentExited } from "../domain/Errors.ts"
import type { RunEvent } from "../programs/options.ts"
import { note } from "./output.ts"

/** `--rm` */
export const rm = Options.boolean("rm").pipe(
  Options.withDescription("Destroy the bottle when its agent has ended"),
)

/** Receives the events of a run. */
export type Observe = (event: RunEvent) => Effect.Effect<void>

/** Runs an agent, and then destroys its bottle if `rm` is set. A bottle whose agent still runs, as after a detach, is kept. */
export const removedAfter =
  <R2>(rm: boolean, destroy: (slug: string) => Effect.Effect<unknown, unknown, R2>) =>
  <A, E, R>(slug: string, run: (observe: Observe) => Effect.Effect<A, E, R>, observe: Observe) =>
    Effect.suspend(() => {
      const seen = { slug, ended: false }
      const remove = Effect.suspend(() =>
        rm && seen.ended
          ? Effect.catchAll(destroy(seen.slug), (error) =>
              note(`bot-bottle: bottle ${seen.slug} could not be destroyed: ${String(error)}`),
            )
          : Effect.void,
      )
      return run((event) => {
        if (event._tag === "Slug") seen.slug = event.slug
        if (event._tag === "Exit") seen.ended = true
        return observe(event)
      }).pipe(
        Effect.ensuring(remove),
        Effect.mapError((error) =>
          rm && error instanceof AgentExited ? new AgentExited({ ...error, destroyed: true }) : error,
        ),
      )
    })
