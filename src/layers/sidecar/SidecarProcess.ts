/** SidecarProcess launches each sidecar as a process of its own, which outlives us. */
import { Effect, Layer } from "effect"
import { SidecarError } from "../../domain/Errors.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { Forges } from "../../services/Forges.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import type { SidecarServices } from "../../services/SidecarServices.ts"
import * as GiteaForges from "../gitea/GiteaForges.ts"
import { Home } from "../home/Home.ts"
import { packageFile } from "../home/packageRoot.ts"
import { type SidecarDocument, encodeDocument } from "../../sidecar/SidecarDocument.ts"
import * as Records from "./records.ts"
import { makeService } from "./SidecarService.ts"

const READY_MS = 15_000

/**
 * A sidecar holds little: a small young generation keeps it small at no cost in speed that was measured. The old one
 * has room for what room.ts lets a bottle hold, and is not used otherwise.
 */
const NODE_FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=160"]

/** Memory holds the run's secrets: its process never leaves a core dump, not even of node's own start. */
const WITHOUT_CORE = 'ulimit -c 0; exec "$0" "$@"'

/** Of the launcher's environment, beside PATH, HOME, LANG and TZ: how to reach the forge. */
const PASSED_ON = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
]

const start = (runner: typeof ProcessRunner.Service) =>
  Effect.fn("SidecarProcess.start")(function* (document: SidecarDocument) {
    yield* runner
      .detached({
        command: "/bin/sh",
        args: [
          "-c",
          WITHOUT_CORE,
          process.execPath,
          ...NODE_FLAGS,
          packageFile("dist", "bin", "sidecar.cjs"),
        ],
        env: Object.fromEntries(
          PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
        ),
        cwd: "/",
        stdin: encodeDocument(document),
        firstLineMs: READY_MS,
      })
      .pipe(
        Effect.mapError(
          ({ detail }) => new SidecarError({ slug: document.slug, operation: "launch", reason: detail }),
        ),
      )
  })

const launcher: Layer.Layer<Sidecar, never, ProcessRunner | Forges> = Layer.effect(
  Sidecar,
  Effect.gen(function* () {
    const home = yield* Home
    return makeService(home, start(yield* ProcessRunner), yield* Forges)
  }),
)

/** Sidecars as processes, and what they leave in the home on disk; keys are revoked at the kinds of forge that are provided. */
export const layerOver: Layer.Layer<SidecarServices, never, ProcessRunner | Forges> = Layer.merge(
  launcher,
  Records.layer,
)

/** Sidecars as processes over Gitea, found again by their control sockets, and what they leave. */
export const layer: Layer.Layer<SidecarServices, never, ProcessRunner> = Layer.provide(
  layerOver,
  GiteaForges.layer,
)
