import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { WriteScope } from "../../src/domain/Forge.ts"
import { Forge, scoped } from "../../src/services/Forge.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import { contractOrgs, contractSeed, forgeContract } from "../contracts/Forge.ts"
import { forgeDetailsContract } from "../contracts/ForgeDetails.ts"

const seed: FakeForge.FakeForgeSeed = {
  ...contractSeed,
  repo: contractSeed.name,
  orgs: contractOrgs,
  org: "bots",
  trustOrg: "team",
}
const scope = new WriteScope({ issue: 17, prs: [18] })

forgeContract("FakeForge", FakeForge.make(seed))
forgeDetailsContract("FakeForge", FakeForge.make(seed))
forgeContract(
  "scoped over FakeForge",
  Effect.map(FakeForge.make(seed), (fake) => ({ ...fake, forge: scoped(fake.forge, scope) })),
  { keys: false },
)

describe("FakeForge", () => {
  it.effect("records what was written, in order", () =>
    Effect.gen(function* () {
      const { forge, writes } = yield* FakeForge.make(seed)
      const id = yield* forge.postComment(17, "hello")
      yield* forge.updateDescription(17, "new")
      yield* forge.updateDescription(17, "new")
      const number = yield* forge.openPr({ title: "T", body: "B", head: "bot-bottle/two" })
      yield* forge.openPr({ title: "T", body: "B", head: "bot-bottle/two" })
      expect(writes).toEqual([
        { method: "postComment", number: 17, body: "hello", id },
        { method: "updateDescription", number: 17, body: "new" },
        { method: "openPr", number, title: "T", body: "B", head: "bot-bottle/two" },
      ])
    }),
  )

  it.effect("fails once when it is told to", () =>
    Effect.gen(function* () {
      const { forge, failNext, writes } = yield* FakeForge.make(seed)
      failNext("postComment", 423)
      expect(yield* Effect.flip(forge.postComment(17, "x"))).toMatchObject({
        operation: "postComment",
        status: 423,
      })
      expect(writes).toEqual([])
      yield* forge.postComment(17, "x")
      expect(writes).toHaveLength(1)
    }),
  )

  it.effect("is a layer too", () =>
    Effect.gen(function* () {
      const forge = yield* Forge
      expect(yield* forge.readIssue(1)).toMatchObject({ title: "one" })
    }).pipe(Effect.provide(FakeForge.layer({ issues: [{ title: "one" }] }))),
  )
})

describe("scoped", () => {
  it.effect("refuses writes outside, naming what is writable, and never asks the forge", () =>
    Effect.gen(function* () {
      const fake = yield* FakeForge.make(seed)
      const forge = scoped(fake.forge, new WriteScope({ issue: 42, prs: [17, 17] }))
      for (const write of [forge.postComment(500, "x"), forge.updateDescription(500, "x")]) {
        const error = yield* Effect.flip(write)
        expect(error).toMatchObject({ _tag: "ForgeScopeError", number: 500, writable: [17, 42] })
        expect(error.message).toBe("write to #500 denied: out of assigned scope (writable: 17, 42)")
      }
      expect(fake.writes).toEqual([])
      expect(yield* forge.readIssue(20)).toMatchObject({ title: "Other" })
    }),
  )
})
