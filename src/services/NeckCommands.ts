/** NeckCommands: the calls that the text of an assignment lists. */
import { Context } from "effect"
import { type CallUsage, FORGE_COMMANDS } from "../domain/ForgeCommands.ts"

/** How the calls at the neck are used; the built-in calls unless provided. Sidecars with your own calls need the same list. */
export class NeckCommands extends Context.Reference<NeckCommands>()("bot-bottle/NeckCommands", {
  defaultValue: (): ReadonlyArray<CallUsage> => FORGE_COMMANDS,
}) {}
