/** Shared parts of providers that use a model: files beside the neck, and addresses at the neck. */
import type { RunFile } from "../../domain/Bottle.ts"
import { NECK_MOUNT } from "../bottle/runFiles.ts"

/** A placeholder for agents that require a key. The sidecar removes it and adds the real one outside of the bottle. */
export const PLACEHOLDER_KEY = "added-by-the-neck"

/** Base URL of a route, without a trailing slash. */
export const routeUrl = (neck: string, route: string): string => `${neck}/route/${route}`

/** URL of the forge tools as an MCP server. */
export const mcpUrl = (neck: string): string => `${neck}/mcp`

/** Path of a run's file for the agent. */
export const pathInBottle = (file: RunFile): string => `${NECK_MOUNT}/${file.path}`
