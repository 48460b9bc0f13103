/** bot-bottle/DockerBackend: bottles as docker containers. */
export * from "../layers/docker/DockerBackend.ts"
export * as DockerBackend from "../layers/docker/DockerBackend.ts"
