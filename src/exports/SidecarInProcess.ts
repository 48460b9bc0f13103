/** bot-bottle/SidecarInProcess: sidecars within this process. */
export * from "../layers/sidecar/SidecarInProcess.ts"
export * as SidecarInProcess from "../layers/sidecar/SidecarInProcess.ts"
