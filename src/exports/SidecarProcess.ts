/** bot-bottle/SidecarProcess: each sidecar as a separate process. */
export * from "../layers/sidecar/SidecarProcess.ts"
export * as SidecarProcess from "../layers/sidecar/SidecarProcess.ts"
