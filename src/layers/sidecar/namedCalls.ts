/** namedCalls: which calls of their neck the text of assignments lists. */
import { Layer } from "effect"
import type { CallUsage } from "../../domain/ForgeCommands.ts"
import { NeckCommands } from "../../services/NeckCommands.ts"

/** The calls that a neck serves; the built-in calls when none are given. */
export const namedCalls = (
  calls: ReadonlyArray<{ readonly usage: CallUsage }> | undefined,
): Layer.Layer<never> =>
  calls === undefined
    ? Layer.empty
    : Layer.succeed(
        NeckCommands,
        calls.map(({ usage }) => usage),
      )
