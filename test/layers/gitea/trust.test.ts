/** Whose words count: asked of the forge once for each author, and no wherever that cannot be decided. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ForgeApi } from "../../../src/services/Forge.ts"
import { simulated } from "../../support/gitea.ts"

const trusted = (forge: ForgeApi) =>
  Effect.map(forge.readComments(17), (comments) =>
    comments.filter((it) => it.authorTrusted).map((it) => it.user),
  )

describe.concurrent("authorTrusted", () => {
  it.live("asks once for each author, however much they said", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      const comments = state.issue("acme", "tool", 17)?.comments ?? []
      comments.push(...comments)
      yield* forge.readComments(17)
      for (const user of ["ann", "wendy", "stranger", "otherbot"]) {
        for (const question of [
          `/orgs/bots/members/${user}`,
          `/orgs/team/members/${user}`,
          `/${user}/permission`,
        ]) {
          expect(sim.requests.filter(({ path }) => path.endsWith(question)).length).toBeLessThanOrEqual(1)
        }
      }
      expect(sim.requests.filter(({ path }) => path === "/orgs/team/members/bot")).toHaveLength(1)
    }).pipe(Effect.scoped),
  )

  it.live("is no for everyone when the bot is not a member of the bots' org, and the read succeeds", () =>
    Effect.gen(function* () {
      for (const org of ["apart", "no-such-org"]) {
        const { forge } = yield* simulated({ org })
        expect(yield* trusted(forge)).toEqual([])
      }
    }).pipe(Effect.scoped),
  )

  it.live("follows the permissions when the trusted org cannot be asked", () =>
    Effect.gen(function* () {
      const { forge } = yield* simulated({ trustOrg: "apart" })
      expect(yield* trusted(forge)).toEqual(["wendy", "acme"])
    }).pipe(Effect.scoped),
  )

  it.live("is by default of the members of the org that owns the repository", () =>
    Effect.gen(function* () {
      const { forge } = yield* simulated(
        { trustOrg: undefined },
        {
          orgs: [
            { name: "acme", members: ["ann", "bot", "otherbot"] },
            { name: "bots", members: ["bot", "otherbot"] },
          ],
        },
      )
      expect(yield* trusted(forge)).toEqual(["ann", "wendy"])
    }).pipe(Effect.scoped),
  )

  it.live("asks no org of bots when none is named, and still never trusts itself", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated({ org: undefined })
      expect(yield* trusted(forge)).toEqual(["wendy", "acme", "tess"])
      expect(sim.requests.filter(({ path }) => path.startsWith("/orgs/bots"))).toEqual([])
    }).pipe(Effect.scoped),
  )

  it.live("is no, and the comments are read, when every question fails or hangs", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated({ requestTimeout: "300 millis" })
      for (const path of ["/members/", "/permission", "/user"]) {
        sim.failNext({ kind: "slow", path, times: 99 })
      }
      expect(yield* forge.readComments(17)).toHaveLength(8)
      expect(yield* trusted(forge)).toEqual([])
      sim.forget()
      sim.failNext({ kind: "status", status: 500, path: "/members/", times: 999 })
      expect(yield* trusted(forge)).toEqual([])
    }).pipe(Effect.scoped),
  )

  it.live("is no for people who are gone, without asking", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      const gone = [
        { id: 1, body: "a", user: { id: -1, login: "Ghost" } },
        { id: 2, body: "b", user: { id: -2, login: "gitea-actions" } },
        { id: 3, body: "c", user: null },
      ]
      sim.failNext({ kind: "body", body: JSON.stringify(gone), path: "/comments" })
      expect(yield* trusted(forge)).toEqual([])
      expect(sim.requests).toHaveLength(1)
    }).pipe(Effect.scoped),
  )
})
