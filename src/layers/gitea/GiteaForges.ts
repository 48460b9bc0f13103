/** The Forges service with Gitea only. */
import type { Layer } from "effect"
import type { Forges } from "../../services/Forges.ts"
import { layer as forges } from "../forges.ts"
import { kind } from "./GiteaForge.ts"

/** The Gitea that a target or FORGE_* variables name. */
export const layer: Layer.Layer<Forges> = forges({ gitea: kind })
