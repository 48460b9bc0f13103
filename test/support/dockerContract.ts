/** The contract of a backend over docker. */
import { Effect } from "effect"
import { beforeAll } from "vitest"
import type { TransportName } from "../../src/layers/docker/engine.ts"
import { backendContract } from "../contracts/Backend.ts"
import { describeDocker, dockerInstances } from "./docker.ts"
import { demoImageForTests } from "./images.ts"

/** Its tests, with the engine reached in that way. */
export const dockerContract = (transport: TransportName): void =>
  describeDocker("on a docker engine", () => {
    let image = ""
    beforeAll(async () => {
      image = await demoImageForTests()
    })
    backendContract({
      name: `docker over its ${transport}`,
      image: () => image,
      kills: true,
      instances: Effect.map(dockerInstances({ transport }), ({ home, first, second }) => ({
        home,
        first,
        second,
      })),
    })
  })
