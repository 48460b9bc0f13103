/** The Forges service with Gitea only. */
import { Layer } from "effect"
import type { Forges } from "../../services/Forges.ts"
import { layer as forges } from "../forges.ts"
import { kindWith } from "./GiteaForge.ts"

/** The Gitea that a target or FORGE_* variables name. Each build of this layer has its own memory. */
export const layer: Layer.Layer<Forges> = Layer.suspend(() => forges({ gitea: kindWith({}) }))
