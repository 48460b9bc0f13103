/** Who may write, for a bot that does not administer the repository: what may be assigned says it, in a user's repository. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ForgeApi } from "../../../src/services/Forge.ts"
import type { GiteaSimulator } from "../../../src/simulator/GiteaSimulator.ts"
import { recorded } from "../../support/recorded.ts"
import { failed, simulated } from "../../support/gitea.ts"

const exchange = (note: string) => {
  const found = recorded.find((each) => each.note === note)
  if (found === undefined) throw new Error(`there is no recording of ${note}`)
  return found
}
const denied = exchange("permission of another, not as administrator")
const people = exchange("who may be assigned (any reader)")
const repository = exchange("repository")
const absent = exchange("org member: no")
const isMember = exchange("org member: yes")
const undecided = exchange("org member asked by a stranger: 303")

/** People of the recorded list, who may write: cellar-bot, wendy, and ada, who owns the repository. */
const comments = JSON.stringify(
  [
    [2, "ada"],
    [3, "cellar-bot"],
    [6, "wendy"],
    [5, "mallory"],
    [99, "Wendy2"],
  ].map(([id, login]) => ({ id, body: "x", user: { id, login } })),
)

const answers = (
  sim: GiteaSimulator,
  path: string,
  { status, answer }: { readonly status: number; readonly answer: string },
) =>
  sim.failNext(
    status === 200
      ? { kind: "body", body: answer, path, times: 99 }
      : { kind: "status", status, body: answer, path, times: 99 },
  )

/** A forge that answers as the recorded one did to a bot with write permission, and `changes`. */
const recordedForge = (
  changes: {
    readonly repository?: string
    readonly people?: string
    readonly peopleStatus?: number
    /** The org of the bots; none unless given. */
    readonly org?: string
    /** Memberships, such as `team/members/wendy`, that are answered otherwise than with no. */
    readonly members?: Readonly<Record<string, typeof isMember>>
  } = {},
) =>
  Effect.gen(function* () {
    const { forge, sim } = yield* simulated({ trustOrg: "team", org: changes.org })
    for (const [path, said] of Object.entries(changes.members ?? {})) answers(sim, `/orgs/${path}`, said)
    answers(sim, "/permission", denied)
    answers(sim, "/assignees", {
      status: changes.peopleStatus ?? people.status,
      answer: changes.people ?? people.answer,
    })
    answers(sim, "/members/", absent)
    answers(sim, "/comments", { status: 200, answer: comments })
    answers(sim, "/repos/acme/tool", { status: 200, answer: changes.repository ?? repository.answer })
    return { forge, sim }
  })

const trusted = (forge: ForgeApi) =>
  Effect.map(forge.readComments(17), (all) => all.filter((it) => it.authorTrusted).map((it) => it.user))

describe.concurrent("a bot that may write and does not administer", () => {
  it.live("trusts those who may be assigned in a user's repository, and asks who they are once", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* recordedForge()
      expect(yield* trusted(forge)).toEqual(["ada", "cellar-bot", "wendy"])
      expect(sim.requests.filter(({ path }) => path.endsWith("/assignees"))).toHaveLength(1)
      expect(yield* forge.canWrite("WENDY")).toBe(true)
      expect(yield* forge.canWrite("mallory")).toBe(false)
      expect(yield* forge.canWrite("wendy2")).toBe(false)
    }).pipe(Effect.scoped),
  )

  it.live("trusts nobody by that list in an org's repository, where people who may only read are on it", () =>
    Effect.gen(function* () {
      const ofOrg = JSON.stringify({ ...JSON.parse(repository.answer), owner: { id: 77, login: "acme" } })
      const { forge } = yield* recordedForge({ repository: ofOrg })
      expect(yield* trusted(forge)).toEqual([])
      expect(yield* failed(forge.canWrite("wendy"))).toMatchObject({ reason: "Forbidden", status: 403 })
    }).pipe(Effect.scoped),
  )

  it.live(
    "trusts members of the trusted org in an org's repository, and nobody whose membership cannot be decided",
    () =>
      Effect.gen(function* () {
        const ofOrg = JSON.stringify({ ...JSON.parse(repository.answer), owner: { id: 77, login: "acme" } })
        const members = { "team/members/wendy": isMember, "team/members/bot": isMember }
        const { forge } = yield* recordedForge({ repository: ofOrg, members })
        expect(yield* trusted(forge)).toEqual(["wendy"])
        const outside = { "team/members/": undecided }
        const { forge: stranger } = yield* recordedForge({ repository: ofOrg, members: outside })
        expect(yield* trusted(stranger)).toEqual([])
      }).pipe(Effect.scoped),
  )

  it.live("never trusts a bot, also one that may write and is a member of the trusted org", () =>
    Effect.gen(function* () {
      const members = {
        "bot-bottle/members/cellar-bot": isMember,
        "bot-bottle/members/bot": isMember,
        "team/members/cellar-bot": isMember,
        "team/members/bot": isMember,
      }
      const { forge } = yield* recordedForge({ org: "bot-bottle", members })
      expect(yield* trusted(forge)).toEqual(["ada", "wendy"])
      // Who is a bot cannot be decided by somebody outside of their org: then nobody counts.
      const outside = { "bot-bottle/members/": undecided }
      const { forge: stranger } = yield* recordedForge({ org: "bot-bottle", members: outside })
      expect(yield* trusted(stranger)).toEqual([])
    }).pipe(Effect.scoped),
  )

  it.live("trusts nobody by that list when its own words cannot be read or name no owner", () =>
    Effect.gen(function* () {
      const ownerless = JSON.stringify({ ...JSON.parse(repository.answer), owner: null })
      const odd = [
        { repository: ownerless },
        { repository: ownerless, people: `[{"login":"wendy"},{"id":0,"login":"mallory"}]` },
        { people: "null" },
        { people: "[]" },
        { people: `[null, {"id": 6}]` },
        { people: "<html>", peopleStatus: 200 },
        { peopleStatus: 403 },
      ]
      for (const changes of odd) {
        const { forge } = yield* recordedForge(changes)
        // The owner is trusted by id, who may write or not.
        const owner = changes.repository === undefined ? ["ada"] : []
        expect([changes, yield* trusted(forge)]).toEqual([changes, owner])
      }
    }).pipe(Effect.scoped),
  )

  it.live("follows the list as it is now: somebody who was taken off it is not trusted any more", () =>
    Effect.gen(function* () {
      const { forge, state } = yield* simulated()
      const repo = state.repo("acme", "tool")
      repo?.collaborators.set("bot", "write")
      expect(yield* trusted(forge)).toEqual(["wendy", "acme", "tess"])
      repo?.collaborators.set("wendy", "read")
      expect(yield* trusted(forge)).toEqual(["acme", "tess"])
    }).pipe(Effect.scoped),
  )

  it.live("does not ask for the list where the permissions can be asked for", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      expect(yield* forge.canWrite("wendy")).toBe(true)
      yield* trusted(forge)
      expect(sim.requests.filter(({ path }) => path.endsWith("/assignees"))).toEqual([])
    }).pipe(Effect.scoped),
  )
})
