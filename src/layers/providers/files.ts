/** What the providers that speak to a model have in common: files beside the neck, and addresses at the neck. */
import type { RunFile } from "../../domain/Bottle.ts"
import { NECK_MOUNT } from "../bottle/runFiles.ts"

/** Stands where an agent insists on a key. The sidecar takes it off and adds the real one outside. */
export const PLACEHOLDER_KEY = "added-by-the-neck"

/** Base URL of a route, without a trailing slash. */
export const routeUrl = (neck: string, route: string): string => `${neck}/route/${route}`

/** URL of the forge tools as an MCP server. */
export const mcpUrl = (neck: string): string => `${neck}/mcp`

/** Where the agent finds a run's file. */
export const pathInBottle = (file: RunFile): string => `${NECK_MOUNT}/${file.path}`
