/** Deploy keys of a Gitea: registered once whatever happens to the answers, and only with the rights asked for. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { emptyBody, type Fault } from "../../../src/simulator/GiteaSimulator.ts"
import { keyOf } from "../../contracts/Forge.ts"
import { simulated } from "../../support/gitea.ts"

const key = { title: "bot-bottle one", publicKey: keyOf("A"), readOnly: true }

const lost: ReadonlyArray<readonly [string, Fault]> = [
  ["its answer is lost", { kind: "lost" }],
  ["its answer is cut off", { kind: "cut-off" }],
  ["its answer is empty", emptyBody],
  ["it was never taken", { kind: "refused" }],
  ["the forge failed", { kind: "status", status: 503 }],
]

describe.concurrent("a deploy key is registered once", () => {
  for (const [name, fault] of lost) {
    it.live(`when ${name}`, () =>
      Effect.gen(function* () {
        const { forge, sim, state } = yield* simulated()
        sim.failNext({ ...fault, method: "POST" })
        const id = yield* forge.createDeployKey(key)
        expect(state.repo("acme", "tool")?.keys).toMatchObject([{ id, title: key.title, readOnly: true }])
      }).pipe(Effect.scoped),
    )
  }

  it.live("when it was taken while we looked, and our second one is a conflict with ourselves", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      const id = yield* forge.createDeployKey(key)
      sim.failNext({ kind: "lost", method: "POST" })
      sim.failNext({ kind: "body", body: "null", method: "GET", times: 2 })
      expect(yield* forge.createDeployKey(key)).toBe(id)
      expect(state.repo("acme", "tool")?.keys).toHaveLength(1)
    }).pipe(Effect.scoped),
  )
})

describe.concurrent("a deploy key", () => {
  it.live("that is taken with other rights is a conflict, and is not adopted", () =>
    Effect.gen(function* () {
      const { forge } = yield* simulated()
      yield* forge.createDeployKey({ ...key, readOnly: false })
      expect(yield* Effect.flip(forge.createDeployKey(key))).toMatchObject({ status: 422 })
    }).pipe(Effect.scoped),
  )

  it.live("takes an administrator of the repository, and the error says so", () =>
    Effect.gen(function* () {
      const { forge, state } = yield* simulated()
      state.repo("acme", "tool")?.collaborators.set("bot", "write")
      for (const call of [forge.createDeployKey(key), forge.listDeployKeys, forge.deleteDeployKey(1)])
        expect(yield* Effect.flip(call)).toMatchObject({
          status: 403,
          detail: expect.stringMatching(/take an administrator of the repository.*key\.identityFile/),
        })
    }).pipe(Effect.scoped),
  )

  it.live("is removed again when the answer is lost, and one of another repository is no success", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      const id = yield* forge.createDeployKey(key)
      sim.failNext({ kind: "lost", method: "DELETE" })
      yield* forge.deleteDeployKey(id)
      expect(state.repo("acme", "tool")?.keys).toEqual([])
      const other = state.addRepo({ owner: "acme", name: "other" })
      other.keys.push({ id: 4711, title: "t", content: keyOf("B"), readOnly: true, createdAt: state.now() })
      expect(yield* Effect.flip(forge.deleteDeployKey(4711))).toMatchObject({ status: 500 })
      expect(other.keys).toHaveLength(1)
    }).pipe(Effect.scoped),
  )

  it.live("is found among more than a page of them, and its comment means nothing", () =>
    Effect.gen(function* () {
      const { forge, state } = yield* simulated()
      const repo = state.repo("acme", "tool")
      for (let n = 0; n < 120; n++)
        repo?.keys.push({
          id: 1000 + n,
          title: `k${n}`,
          content: `ssh-ed25519 AAAA${n} someone@somewhere`,
          readOnly: false,
          createdAt: state.now(),
        })
      const keys = yield* forge.listDeployKeys
      expect(keys).toHaveLength(120)
      expect(keys[119]).toEqual({
        id: 1119,
        title: "k119",
        publicKey: "ssh-ed25519 AAAA119",
        readOnly: false,
      })
    }).pipe(Effect.scoped),
  )
})
