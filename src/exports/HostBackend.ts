/** bot-bottle/HostBackend: bottles as plain processes, without isolation. */
export * from "../layers/host/HostBackend.ts"
export * as HostBackend from "../layers/host/HostBackend.ts"
