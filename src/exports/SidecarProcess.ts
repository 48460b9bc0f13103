/** bot-bottle/SidecarProcess: each sidecar as a process of its own. */
export * from "../layers/sidecar/SidecarProcess.ts"
export * as SidecarProcess from "../layers/sidecar/SidecarProcess.ts"
