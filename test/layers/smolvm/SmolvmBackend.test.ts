import { Effect, Scope } from "effect"
import { beforeAll } from "vitest"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { backendContract } from "../../contracts/Backend.ts"
import type { StandIn } from "../../support/smolvm.ts"
import { describeSmolvm, smolvmInstances, standIn } from "../../support/smolvm.ts"

describeSmolvm("on a stand-in for smolvm", () => {
  let smolvm: StandIn | undefined
  let pack = ""
  beforeAll(async () => {
    const scope = Effect.runSync(Scope.make())
    smolvm = await Effect.runPromise(
      standIn().pipe(Scope.extend(scope), Effect.provide(NodeProcessRunner.layer)),
    )
    pack = smolvm.pack()
  })
  backendContract({
    name: "smolvm",
    image: () => pack,
    user: "1000:1000",
    kills: true,
    instances: Effect.suspend(() =>
      smolvm === undefined ? Effect.dieMessage("no stand-in") : smolvmInstances(smolvm),
    ),
  })
})
