/** NeckCommands: the calls that assignments list. */
import { Context } from "effect"
import { type CallUsage, FORGE_COMMANDS } from "../domain/ForgeCommands.ts"

/** How the calls at the neck are used; those of every neck unless provided. Sidecars with calls of your own need the same list. */
export class NeckCommands extends Context.Reference<NeckCommands>()("bot-bottle/NeckCommands", {
  defaultValue: (): ReadonlyArray<CallUsage> => FORGE_COMMANDS,
}) {}
