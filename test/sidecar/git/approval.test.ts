/** Pushes that wait until a trusted person has approved the agent's plan, and everything that is not such an approval. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { join } from "node:path"
import { decodeDocument } from "../../../src/sidecar/SidecarDocument.ts"
import { auditFile } from "../../../src/sidecar/record/auditFile.ts"
import { OWN, bottle, withIssue } from "../../support/forgeBottle.ts"
import { TOKEN, commit, git, ok } from "../../support/git.ts"

const ISSUE = { owner: "ada", repo: "cellar", number: 17 }
const AFTER = { pushAfter: "approval" } as const
const WAITS = "its plan is not approved"

/** A bottle whose repository takes pushes after an approval, with something to push. */
const planning = (more: Parameters<typeof bottle>[1] = {}) =>
  Effect.gen(function* () {
    const at = yield* withIssue
    const { sim, repo, refs } = at
    repo.collaborators.set("grace", "write")
    const made = yield* bottle(at, { git: AFTER, ...more })
    const first = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(first, exit))
    const { work, neck } = yield* Scope.extend(made.launch, first)
    const head = yield* commit(work, { "src/door.ts": "export const door = 2\n" })
    const push = (branch = OWN) => git(work, ["push", "origin", `HEAD:refs/heads/${branch}`])
    const comments = () => sim.state.issue("ada", "cellar", 17)?.comments ?? []
    return {
      at,
      sim,
      repo,
      work,
      neck,
      made,
      head,
      refs,
      push,
      /** The agent posts its plan. */
      plan: (body: string, number = 17) => made.call("post_comment", { number, body }),
      approve: (login: string, body = "/approve") => sim.as(login).comment(ISSUE, body),
      comments,
      /** Lets a minute pass: the forge's times have whole seconds. */
      passMinute: Effect.sync(() => {
        const before = (time: string) =>
          new Date(Date.parse(time) - 60_000).toISOString().replace(".000Z", "Z")
        for (const [n, comment] of comments().entries())
          comments()[n] = {
            ...comment,
            createdAt: before(comment.createdAt),
            updatedAt: before(comment.updatedAt),
          }
      }),
      /** Ends the sidecar and serves the bottle by another. */
      restart: Effect.zipRight(Scope.close(first, Exit.void), made.launch),
      /** Tries to push, and expects the refusal: nothing arrives. */
      refused: (text: string) =>
        Effect.gen(function* () {
          const answer = yield* made.claim(`refs/heads/${OWN}`, head)
          expect(answer.text).toContain(`ng refs/heads/${OWN} ${text}`)
          expect(yield* refs).toEqual(["refs/heads/main"])
        }),
    }
  })

describe("a push that waits for an approval", () => {
  it.scopedLive(
    "is refused until a trusted person approves the plan, and then arrives, also by a new sidecar",
    () =>
      Effect.gen(function* () {
        const { refused, plan, approve, push, restart, refs, made, comments, head } = yield* planning()
        expect((yield* push()).stderr).toMatch(
          /post your plan as a comment on #17.*\(it needs an approved plan\)/s,
        )
        yield* approve("ada")
        yield* refused("it needs an approved plan")
        yield* plan("I mend the hinge.")
        const { stderr } = yield* push()
        expect(stderr).toContain(`(${WAITS})`)
        expect(stderr).toContain("call signal_done with blocked, and end")
        expect(stderr).toContain("begins with /approve")
        expect(yield* refs).toEqual(["refs/heads/main"])
        yield* approve("grace", "/approve\n\nGo on.")
        expect((yield* push()).stderr).toContain("[new branch]")
        const { counts } = yield* auditFile(join(made.stateDir, "operations.jsonl"))
        const [planned, approved] = comments().slice(-2)
        expect(counts.pushes).toEqual([
          {
            line: expect.any(Number),
            target: `app push refs/heads/${OWN}`,
            commits: [head],
            scanner: expect.stringMatching(/^(secretlint|gitleaks) \d/),
            approval: { plan: planned?.id, comment: approved?.id, by: "grace" },
          },
        ])
        // The next run of the bottle has another sidecar.
        const again = yield* restart
        yield* commit(again.work, { "src/door.ts": "export const door = 3\n" })
        const { code } = yield* git(again.work, ["push", "-f", "origin", `HEAD:refs/heads/${OWN}`])
        expect([code, yield* refs]).toEqual([0, [`refs/heads/${OWN}`, "refs/heads/main"]])
      }),
    120_000,
  )

  it.scopedLive(
    "is not let through by words that are no approval, or that are not a trusted person's",
    () =>
      Effect.gen(function* () {
        const { refused, plan, approve, push } = yield* planning()
        yield* plan("I mend the hinge.")
        for (const [login, body] of [
          ["eve", "/approve"],
          ["ada", "/approved"],
          ["ada", "/approve-not"],
          ["ada", "> /approve"],
          ["ada", "I would say /approve"],
          ["ada", "`/approve`"],
          ["ada", " /approve"],
          ["ada", "/APPROVE"],
          ["ada", "approve"],
          ["ada", "/approve\u200b"],
        ] as const)
          yield* approve(login, body)
        yield* refused(WAITS)
        yield* approve("ada", "/approve, and mind the paint")
        yield* refused(WAITS)
        yield* approve("ada", "/approve and mind the paint")
        expect((yield* push()).code).toBe(0)
      }),
    120_000,
  )

  it.scopedLive(
    "is not let through by the bot itself, nor by another bot",
    () =>
      Effect.gen(function* () {
        const { refused, plan, approve, sim, repo } = yield* planning()
        sim.state.orgs.find(({ name }) => name === "bot-bottle")?.members.add("helper")
        repo.collaborators.set("helper", "write")
        yield* plan("I mend the hinge.")
        yield* plan("/approve")
        yield* refused(WAITS)
        yield* approve("helper")
        yield* refused(WAITS)
        // Nor when the bot owns what would make it trusted.
        repo.collaborators.set("bot", "admin")
        yield* approve("bot")
        yield* refused("it needs an approved plan")
      }),
    120_000,
  )

  it.scopedLive(
    "is not let through by an edited comment, whoever edited it",
    () =>
      Effect.gen(function* () {
        const { refused, plan, approve, push, sim, passMinute, comments } = yield* planning()
        yield* plan("I mend the hinge.")
        const asked = yield* approve("ada", "What about the lock?")
        yield* passMinute
        yield* sim.as("ada").editComment(ISSUE, asked, "/approve")
        yield* refused(WAITS)
        // Somebody who may write edits a trusted person's words; and an approval that was edited counts no more.
        const good = yield* approve("ada", "/approve")
        yield* passMinute
        yield* sim.as("grace").editComment(ISSUE, good, "/approve all of it")
        yield* refused(WAITS)
        // Without times nothing is known.
        yield* approve("ada")
        const last = comments().at(-1)
        if (last !== undefined) last.updatedAt = ""
        yield* refused(WAITS)
        yield* approve("ada")
        expect((yield* push()).code).toBe(0)
      }),
    120_000,
  )

  it.scopedLive(
    "is not let through by an approval of an older plan, or of a plan that was edited since",
    () =>
      Effect.gen(function* () {
        const { refused, plan, approve, push, sim, passMinute, comments } = yield* planning()
        yield* plan("I mend the hinge.")
        yield* approve("ada")
        yield* plan("I replace the lock too.")
        yield* refused(WAITS)
        yield* approve("ada")
        yield* passMinute
        const second = comments().find(({ body }) => body.startsWith("I replace"))
        yield* sim.as("grace").editComment(ISSUE, second?.id ?? 0, "I replace the lock and the door.")
        yield* refused(WAITS)
        yield* approve("ada")
        expect((yield* push()).code).toBe(0)
      }),
    120_000,
  )

  it.scopedLive(
    "is not let through by an approval elsewhere: on another issue, on its pull request, or in a review",
    () =>
      Effect.gen(function* () {
        const { refused, plan, sim, repo } = yield* planning({ prNumbers: [18] })
        sim.state.addIssue(repo, { number: 16, title: "The lock", author: "ada" })
        const [pull, other] = [
          { ...ISSUE, number: 18 },
          { ...ISSUE, number: 16 },
        ]
        repo.branches.add("old")
        sim.state.addPull(repo, { number: 18, title: "The door", author: "bot", head: "old" })
        yield* plan("I mend the hinge.")
        yield* plan("This is my plan.", 18)
        yield* sim.as("ada").comment(other, "/approve")
        yield* sim.as("ada").comment(pull, "/approve")
        yield* sim.as("ada").review(pull, { state: "APPROVED", body: "/approve" })
        yield* refused(WAITS)
      }),
    120_000,
  )

  it.scopedLive(
    "is not let through by what was approved for an earlier bottle of the same issue",
    () =>
      Effect.gen(function* () {
        const { at, push, plan, approve } = yield* planning()
        yield* plan("I mend the hinge.")
        yield* approve("ada")
        const next = yield* bottle(at, { git: AFTER })
        yield* next.launch
        const { text } = yield* next.claim(`refs/heads/${OWN}`, "1".repeat(40))
        expect(text).toContain("it needs an approved plan")
        expect((yield* push()).code).toBe(0)
      }),
    120_000,
  )

  it.scopedLive(
    "is refused while the forge cannot be asked, and while it does not say who is trusted",
    () =>
      Effect.gen(function* () {
        const { refused, plan, approve, push, sim } = yield* planning()
        yield* plan("I mend the hinge.")
        yield* approve("grace")
        for (const [path, said] of [
          ["issues/17/comments", "its plan's approval could not be checked"],
          ["assignees", WAITS],
        ] as const) {
          sim.failNext({ kind: "status", status: 500, path, times: 40 })
          yield* refused(said)
          sim.forget()
        }
        expect((yield* push()).code).toBe(0)
      }),
    120_000,
  )

  it.scopedLive(
    "is judged when it is passed on: a plan that was posted while it was inspected refuses it",
    () =>
      Effect.gen(function* () {
        const { push, plan, approve, sim, refs } = yield* planning()
        yield* plan("I mend the hinge.")
        yield* approve("ada")
        sim.forget()
        const reads = () => sim.requests.filter(({ path }) => path.endsWith("issues/17/comments")).length
        const second = Effect.gen(function* () {
          while (reads() === 0) yield* Effect.sleep("1 millis")
          yield* plan("I do something else.")
        })
        const [{ code, stderr }] = yield* Effect.all([push(), second], { concurrency: "unbounded" })
        expect([code !== 0, stderr]).toEqual([true, expect.stringContaining(WAITS)])
        expect(yield* refs).toEqual(["refs/heads/main"])
      }),
    120_000,
  )

  it.scopedLive(
    "waits at each repository whose entry says so, and only there",
    () =>
      Effect.gen(function* () {
        const at = yield* withIssue
        yield* at.repositories.create("ada", "press", { "README.md": "press\n" })
        at.sim.state.addRepo({ owner: "ada", name: "press", collaborators: { bot: "write" } })
        const press = { name: "press", url: `${at.sim.url}/ada/press.git`, credential: TOKEN, private: true }
        const made = yield* bottle(at, { others: [{ ...press, ...AFTER }] })
        const { work, neck } = yield* made.launch
        yield* commit(work, { "src/door.ts": "export const door = 2\n" })
        expect((yield* git(work, ["push", "origin", `HEAD:refs/heads/${OWN}`])).code).toBe(0)
        yield* ok(work, ["clone", "-q", `${neck}/git/press.git`, "press"])
        const there = join(work, "press")
        yield* commit(there, { "ink.txt": "black\n" })
        const push = git(there, ["push", "origin", `HEAD:refs/heads/${OWN}`])
        const refs = at.repositories.ask("ada", "press", ["for-each-ref", "--format=%(refname)"])
        yield* made.call("post_comment", { number: 17, body: "I mix the ink." })
        expect((yield* push).stderr).toContain(WAITS)
        expect((yield* refs).trim()).toBe("refs/heads/main")
        yield* at.sim.as("ada").comment(ISSUE, "/approve")
        expect((yield* push).code).toBe(0)
        const document = {
          slug: "door-abcde",
          socketPath: "/tmp/x.sock",
          stateDir: "/tmp/x",
          git: [{ ...press, ...AFTER }],
        }
        const lonely = yield* Effect.flip(decodeDocument(JSON.stringify(document)))
        expect(lonely.reason).toContain("press has pushAfter, which needs a forge")
      }),
    120_000,
  )
})
