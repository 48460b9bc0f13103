/** bot-bottle/PodmanBackend: bottles as podman's containers. */
export * from "../layers/podman/PodmanBackend.ts"
export * as PodmanBackend from "../layers/podman/PodmanBackend.ts"
