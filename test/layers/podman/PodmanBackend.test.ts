import { Effect, Scope } from "effect"
import { beforeAll } from "vitest"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { backendContract } from "../../contracts/Backend.ts"
import { TRANSPORTS } from "../../support/docker.ts"
import { describePodman } from "../../support/podman.ts"

for (const by of TRANSPORTS)
  describePodman(
    "on podman",
    (podman) => {
      let image = ""
      beforeAll(async () => {
        // It goes with the storage.
        const scope = Effect.runSync(Scope.make())
        image = await Effect.runPromise(
          podman.image().pipe(Scope.extend(scope), Effect.provide(NodeProcessRunner.layer)),
        )
      })
      backendContract({
        name: `podman over its ${by}`,
        image: () => image,
        kills: true,
        instances: podman.instances(),
      })
    },
    by,
  )
