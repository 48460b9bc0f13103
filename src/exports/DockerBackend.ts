/** bot-bottle/DockerBackend: bottles as docker containers. */
export * from "../layers/docker/DockerBackend.ts"
export type { EngineUrl } from "../layers/docker/engineUrl.ts"
export type { TransportName } from "../layers/docker/engine.ts"
export * as DockerBackend from "../layers/docker/DockerBackend.ts"
