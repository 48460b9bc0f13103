/** What sidecars need of ours: the kinds of forge, and the calls. Both programs import it, and nothing else of each other. */
import { builtIn } from "bot-bottle/ForgeCalls"
import * as Forges from "bot-bottle/Forges"
import * as SidecarMain from "bot-bottle/SidecarMain"
import { countWords } from "./countWords.ts"
import { village } from "./village.ts"

/** Gitea, and villages. */
export const forges = Forges.layer({ gitea: SidecarMain.gitea, village })

/** Those of every neck, and ours. */
export const calls = [...builtIn, countWords]
