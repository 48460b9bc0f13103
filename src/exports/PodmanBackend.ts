/** bot-bottle/PodmanBackend: bottles as podman containers. */
export * from "../layers/podman/PodmanBackend.ts"
export * as PodmanBackend from "../layers/podman/PodmanBackend.ts"
