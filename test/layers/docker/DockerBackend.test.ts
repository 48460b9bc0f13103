import { Effect } from "effect"
import { beforeAll } from "vitest"
import { backendContract } from "../../contracts/Backend.ts"
import { describeDocker, dockerInstances } from "../../support/docker.ts"
import { demoImageForTests } from "../../support/images.ts"

describeDocker("on a docker engine", () => {
  let image = ""
  beforeAll(async () => {
    image = await demoImageForTests()
  })
  backendContract({
    name: "docker",
    image: () => image,
    kills: true,
    instances: Effect.map(dockerInstances(), ({ home, first, second }) => ({ home, first, second })),
  })
})
