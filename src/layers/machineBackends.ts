/** The backends of this machine. Each is loaded when it is first asked for: most commands need one or none. */
import { Effect, type Layer } from "effect"
import type { BackendUnavailable } from "../domain/Errors.ts"
import type { Backend, Backends } from "../services/Backends.ts"
import type { ProcessRunner } from "../services/ProcessRunner.ts"
import * as LiveBackends from "./backends.ts"

interface BackendModule {
  readonly make: Effect.Effect<Backend, BackendUnavailable, ProcessRunner>
}

const loaded = (load: () => Promise<BackendModule>) =>
  Effect.flatMap(Effect.promise(load), ({ make }) => make)

/** The backends by name. */
export const layer: Layer.Layer<Backends, never, ProcessRunner> = LiveBackends.layer({
  docker: loaded(() => import("./docker/DockerBackend.ts")),
  podman: loaded(() => import("./podman/PodmanBackend.ts")),
  smolvm: loaded(() => import("./smolvm/SmolvmBackend.ts")),
  host: loaded(() => import("./host/HostBackend.ts")),
})
