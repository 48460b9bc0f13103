/** PodmanBackend runs bottles as podman containers: docker's driver with podman's dialect. */
import type { Effect } from "effect"
import type { BackendUnavailable } from "../../domain/Errors.ts"
import type { Backend } from "../../services/Backends.ts"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { DockerOptions } from "../docker/DockerBackend.ts"
import { makeWith as makeDockerWith } from "../docker/DockerBackend.ts"
import { podman } from "./dialect.ts"

/** Options of a podman backend. */
export type PodmanOptions = Omit<DockerOptions, "dialect">

/** A podman backend. podman is not called before the first method. */
export const makeWith = (options: PodmanOptions) => makeDockerWith({ ...options, dialect: podman })

/** The podman of this environment; for a user who is not root, that user's own. */
export const make: Effect.Effect<Backend, BackendUnavailable, ProcessRunner> = makeWith({})
