import { Effect } from "effect"
import { homeAt } from "../../src/layers/home/Home.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"
import { backendContract, contractAgent } from "../contracts/Backend.ts"
import { tempDir } from "../support/tempDir.ts"

backendContract({
  name: "fake",
  image: () => "none",
  kills: false,
  instances: Effect.gen(function* () {
    const { backend } = yield* FakeBackend.make({ agent: contractAgent })
    return { home: homeAt(yield* tempDir), first: backend, second: backend }
  }),
})
