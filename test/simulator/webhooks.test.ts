/** The webhooks of the simulator: held to deliveries that a real Gitea made, and to what a test may do with them. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHmac } from "node:crypto"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { hookReceiver, type Received } from "../support/hookReceiver.ts"
import { RECORDED_SECRET as SECRET, recordedDeliveries as recorded } from "../support/recordedDeliveries.ts"
import { shapeOf } from "../support/shape.ts"

const CELLAR = { owner: "ada", repo: "cellar" }
const at = (number: number) => ({ ...CELLAR, number })

/** Whether all three signatures are those of the body. */
const isSigned = ({ headers, raw }: Received, secret: string): boolean => {
  const of = (algorithm: string) => createHmac(algorithm, secret).update(raw).digest("hex")
  return (
    headers["x-gitea-signature"] === of("sha256") &&
    headers["x-hub-signature-256"] === `sha256=${of("sha256")}` &&
    headers["x-hub-signature"] === `sha1=${of("sha1")}`
  )
}

/** Headers of the connection, which the recording leaves out. */
const CONNECTION = new Set(["host", "connection", "content-length"])
/** Headers that differ in each delivery. */
const ITS_OWN = /-(?:delivery|signature|signature-256)$/

const headersOf = ({ headers }: Received): ReadonlyArray<string> =>
  Object.entries(headers)
    .filter(([name]) => !CONNECTION.has(name))
    .map(([name, value]) => (ITS_OWN.test(name) ? `${name} of ${value.length}` : `${name} ${value}`))
    .sort()

/** What a delivery must share with the real one. */
const comparable = (one: Received): ReadonlyArray<string> => {
  const body: unknown = JSON.parse(one.raw)
  const { action = "", is_pull, review } = (body ?? {}) as Readonly<Record<string, unknown>>
  return [
    ...headersOf(one),
    ...shapeOf(body),
    `action ${JSON.stringify({ action, is_pull, type: review })}`.replace(/,"content":.*/, ""),
    `signed ${isSigned(one, SECRET)}`,
    `indented ${one.raw === JSON.stringify(body, null, 2)}`,
  ]
}

const typeOf = ({ headers }: Received): string | undefined => headers["x-gitea-event-type"]

/** A simulator with a repository of two people's, and one hook to a receiver. */
const hooked = (hook: Readonly<Record<string, unknown>> = {}) =>
  Effect.gen(function* () {
    const receiver = yield* hookReceiver
    const sim = yield* GiteaSimulator.make({
      contentVersions: false,
      users: [{ login: "ada", token: "of-ada" }, { login: "cellar-bot" }, { login: "wendy" }],
      orgs: [{ name: "acme", owners: ["ada"] }],
      repos: [
        { ...CELLAR, name: CELLAR.repo, collaborators: { "cellar-bot": "write", wendy: "write" } },
        { owner: "acme", name: "loft", issues: [{ title: "Dust" }] },
      ],
    })
    const post = (path: string, body: unknown) =>
      Effect.promise(() =>
        fetch(sim.apiUrl + path, {
          method: "POST",
          headers: { authorization: "token of-ada", "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      )
    const config = { url: receiver.url, content_type: "json", secret: SECRET }
    const events = ["issues", "pull_request", "push", "create", "delete", "status"]
    const made = yield* post("/repos/ada/cellar/hooks", {
      type: "gitea",
      config,
      events,
      active: true,
      ...hook,
    })
    expect(made.status).toBe(201)
    return { ...receiver, sim, post, config, types: () => receiver.received.map(typeOf) }
  })

/** What was done on the real one, deed by deed. */
const oneLife = (sim: GiteaSimulator.GiteaSimulator) =>
  Effect.gen(function* () {
    const [ada, bot, wendy] = [sim.as("ada"), sim.as("cellar-bot"), sim.as("wendy")]
    const label = "bot-bottle:carpenter"
    const first = at(yield* ada.openIssue(CELLAR, { title: "The door", body: "Text" }))
    yield* ada.push(CELLAR, "main", { message: "Door\n", added: ["door.md"] })
    yield* ada.push(CELLAR, "main", { message: "More\n", added: ["wall.md"] })
    yield* ada.label(first, label)
    yield* ada.assign(first, "cellar-bot")
    const targeted = { title: "Second", body: "Text", labels: [label], assignees: ["cellar-bot"] }
    const second = at(yield* ada.openIssue(CELLAR, targeted))
    yield* ada.editBody(second, "Other text")
    yield* bot.comment(second, "Working on it.")
    yield* ada.comment(second, "Good.")
    yield* bot.push(CELLAR, "bot-bottle/x", { message: "New\n", added: ["new.md"] })
    const pull = at(
      yield* bot.openPull(CELLAR, { title: "PR", body: `Closes #${second.number}`, head: "bot-bottle/x" }),
    )
    yield* ada.comment(pull, "Nice.")
    const lines = [{ path: "new.md", line: 1, body: "why x?" }]
    yield* wendy.review(pull, { state: "REQUEST_CHANGES", body: "See", lines })
    yield* ada.review(pull, { state: "APPROVED", body: "Fine" })
    yield* ada.review(pull, { state: "COMMENT", body: "Note" })
    yield* sim.as("mallory").comment(pull, "Me too.")
    yield* bot.push(CELLAR, "bot-bottle/x", { message: "More\n", added: ["n2.md"] })
    const failed = { state: "failure", context: "ci/test", description: "1 test failed" } as const
    yield* ada.check(pull, { ...failed, targetUrl: "http://127.0.0.1/x" })
    yield* ada.unlabel(second, label)
    yield* ada.unassign(second, "cellar-bot")
    yield* ada.close(second)
    yield* ada.reopen(second)
    yield* ada.close(pull)
    yield* ada.reopen(pull)
    yield* ada.merge(pull)
    yield* ada.deleteBranch(CELLAR, "bot-bottle/x")
  })

describe("webhooks of the simulator", () => {
  it.scopedLive(
    "are those that a real Gitea sent for the same deeds: events, headers, shapes, signatures",
    () =>
      Effect.gen(function* () {
        expect(recorded.length).toBe(33)
        expect(recorded.every((one) => isSigned(one, SECRET))).toBe(true)
        const { sim, received, post, types } = yield* hooked()
        yield* oneLife(sim)
        const hook = sim.state.repo("ada", "cellar")?.hooks[0]?.id
        yield* post(`/repos/ada/cellar/hooks/${hook}/tests`, {})
        yield* sim.webhooks.idle
        expect(types()).toEqual(recorded.map(typeOf))
        const differences = recorded.flatMap((real, n) => {
          const seen = received[n] ?? { headers: {}, raw: "null" }
          const [wanted, got] = [comparable(real), comparable(seen)]
          const missing = wanted.filter((line) => !got.includes(line))
          const more = got.filter((line) => !wanted.includes(line))
          return missing.length + more.length === 0 ? [] : [{ n: n + 1, step: real.step, missing, more }]
        })
        expect(differences).toEqual([])
      }),
  )

  it.scopedLive("are lost, held back, repeated and put in another order when a test says so", () =>
    Effect.gen(function* () {
      const { sim, types, received } = yield* hooked()
      const ada = sim.as("ada")
      sim.webhooks.treat(({ eventType }) =>
        eventType === "issues"
          ? { lost: true }
          : eventType === "issue_assign"
            ? { times: 2 }
            : { held: eventType.endsWith("comment") || eventType === "issue_label" },
      )
      const issue = at(yield* ada.openIssue(CELLAR, { title: "x" }))
      yield* ada.label(issue, "a")
      yield* ada.comment(issue, "b")
      yield* ada.assign(issue, "wendy")
      yield* sim.webhooks.idle
      expect(types()).toEqual(["issue_assign", "issue_assign"])
      const ids = received.map(({ headers }) => headers["x-gitea-delivery"])
      expect(new Set(ids).size).toBe(1)
      expect(sim.webhooks.held.map(({ eventType }) => eventType)).toEqual(["issue_label", "issue_comment"])
      yield* sim.webhooks.release((held) => held.toReversed())
      expect(types().slice(2)).toEqual(["issue_comment", "issue_label"])
      expect(sim.webhooks.held).toEqual([])
      expect(sim.webhooks.deliveries.map(({ answers }) => answers)).toEqual([[], [202], [202], [202, 202]])
      sim.webhooks.treat()
      yield* ada.close(issue)
      yield* sim.webhooks.idle
      expect(types().at(-1)).toBe("issues")
      const [last] = sim.webhooks.deliveries.slice(-1)
      if (last !== undefined) yield* sim.webhooks.redeliver(last)
      expect(received.at(-1)?.raw).toBe(received.at(-2)?.raw)
      expect(received.at(-1)?.headers["x-gitea-delivery"]).not.toBe(last?.id)
    }),
  )

  it.scopedLive("that are delayed are overtaken", () =>
    Effect.gen(function* () {
      const { sim, types } = yield* hooked()
      sim.webhooks.treat(({ eventType }) => (eventType === "issues" ? { delayMillis: 50 } : {}))
      const issue = at(yield* sim.as("ada").openIssue(CELLAR, { title: "x" }))
      yield* sim.as("ada").comment(issue, "y")
      yield* sim.webhooks.idle
      expect(types()).toEqual(["issue_comment", "issues"])
    }),
  )

  it.scopedLive("are sent once, whatever the answer is", () =>
    Effect.gen(function* () {
      const { sim, received, answer } = yield* hooked()
      answer(500)
      yield* sim.as("ada").openIssue(CELLAR, { title: "x" })
      yield* sim.webhooks.idle
      expect(received.length).toBe(1)
      expect(sim.webhooks.deliveries.map(({ answers }) => answers)).toEqual([[500]])
    }),
  )

  it.scopedLive("go only to active hooks that asked for the event, and to those of the org", () =>
    Effect.gen(function* () {
      const { sim, types, received, post, config } = yield* hooked({ active: false })
      yield* sim.as("ada").openIssue(CELLAR, { title: "x" })
      const ofOrg = { type: "gitea", config, events: ["issues_only"], active: true }
      expect((yield* post("/orgs/acme/hooks", ofOrg)).status).toBe(201)
      const dust = { owner: "acme", repo: "loft", number: 1 }
      yield* sim.as("ada").comment(dust, "nobody is told")
      yield* sim.as("ada").close(dust)
      yield* sim.webhooks.idle
      expect(types()).toEqual(["issues"])
      expect(received[0]?.headers["x-gitea-hook-installation-target-type"]).toBe("organization")
    }),
  )

  it.scopedLive("have empty signatures without a secret, and sign the JSON within a form", () =>
    Effect.gen(function* () {
      const { sim, received, post, config } = yield* hooked({ active: false })
      const more = { type: "gitea", events: ["issues"], active: true }
      const { secret: _, ...plain } = config
      yield* post("/repos/ada/cellar/hooks", { ...more, config: plain })
      yield* post("/repos/ada/cellar/hooks", {
        ...more,
        config: { ...config, content_type: "form" },
        authorization_header: "Bearer x",
      })
      yield* sim.as("ada").openIssue(CELLAR, { title: "a & b <c>" })
      yield* sim.webhooks.idle
      const [unsigned, form] = received
      expect(unsigned?.headers).toMatchObject({ "x-gitea-signature": "", "x-hub-signature-256": "sha256=" })
      expect(unsigned?.raw).toContain("a \\u0026 b \\u003cc\\u003e")
      const raw = new URLSearchParams(form?.raw).get("payload") ?? ""
      expect(form?.headers).toMatchObject({
        authorization: "Bearer x",
        "content-type": "application/x-www-form-urlencoded",
      })
      expect(form === undefined ? false : isSigned({ headers: form.headers, raw }, SECRET)).toBe(true)
    }),
  )

  it.scopedLive("tell edited and deleted comments, and requests for reviews", () =>
    Effect.gen(function* () {
      const { sim, received, types } = yield* hooked()
      const ada = sim.as("ada")
      yield* ada.push(CELLAR, "topic")
      const pull = at(yield* ada.openPull(CELLAR, { title: "PR", head: "topic" }))
      const id = yield* ada.comment(pull, "one")
      yield* ada.editComment(pull, id, "two")
      yield* ada.editComment(pull, id, "two")
      yield* ada.deleteComment(pull, id)
      yield* ada.askForReview(pull, "wendy")
      yield* ada.react(pull, "eyes")
      yield* sim.webhooks.idle
      const comment = "pull_request_comment"
      const expected = ["create", "push", "pull_request", comment, comment, comment]
      expect(types()).toEqual([...expected, "pull_request_review_request"])
      expect(JSON.parse(received[4]?.raw ?? "")).toMatchObject({
        action: "edited",
        changes: { body: { from: "one" } },
        comment: { body: "two" },
      })
      expect(JSON.parse(received[6]?.raw ?? "")).toMatchObject({
        action: "review_requested",
        requested_reviewer: { login: "wendy" },
      })
    }),
  )
})
