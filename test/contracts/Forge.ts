/** What every Forge does, whatever it speaks to. A layer's test gives a way to make one over a seeded state. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Option, type Scope, Stream } from "effect"
import type { ForgeRequestError } from "../../src/domain/Errors.ts"
import type { ForgeApi } from "../../src/services/Forge.ts"
import * as actions from "../../src/simulator/actions.ts"
import type { SeedOrg, SeedRepo } from "../../src/simulator/seed.ts"
import type { GiteaState, SimRepo } from "../../src/simulator/state.ts"

/** What the suite's forge holds: the repository `acme/tool`, seen by `bot`, whose issue is 17 and whose PR is 18. */
export const contractSeed: SeedRepo = {
  owner: "acme",
  name: "tool",
  defaultBranch: "trunk",
  branches: ["bot-bottle/one", "bot-bottle/two", "stranger/x"],
  protectedBranches: ["release/1.x"],
  collaborators: { wendy: "write", rita: "read", bot: "admin" },
  issues: [
    {
      number: 17,
      title: "Tool fails",
      body: "It says:\r\n\n```\nfixes #3\n```\n",
      author: "ann",
      labels: ["bug", "bot-bottle:fixer"],
      assignees: ["bot", "ann"],
      comments: [
        { user: "ann", body: "first" },
        { user: "wendy", body: "second" },
        { user: "rita", body: "third" },
        { user: "bot", body: "fourth" },
        { user: "otherbot", body: "fifth" },
        { user: "acme", body: "sixth" },
        { user: "tess", body: "seventh" },
        { user: "stranger", body: "eighth" },
      ],
    },
    { number: 3, title: "Old", state: "closed", author: "ann", labels: ["bot-bottle:fixer"] },
    {
      number: 20,
      title: "Other",
      author: "ann",
      updatedAt: "2020-01-01T00:00:00Z",
      labels: ["bot-bottle:fixer"],
    },
    { number: 21, title: "No target", author: "ann", labels: ["bug"] },
  ],
  pulls: [
    {
      number: 18,
      title: "WIP: fix",
      body: "Closes #17",
      author: "bot",
      head: "bot-bottle/one",
      labels: ["bot-bottle:x"],
    },
    { number: 19, title: "Theirs", author: "stranger", head: "stranger/x" },
  ],
}

/** Its orgs: `bots` are ours, `team` is trusted, `apart` does not have the bot. */
export const contractOrgs: ReadonlyArray<SeedOrg> = [
  { name: "bots", members: ["bot", "otherbot"] },
  { name: "team", members: ["tess", "bot"] },
  { name: "apart", members: ["ann"], publicMembers: ["rita"] },
]

/** A forge under test; `org` of its configuration is `bots`, `trustOrg` is `team`. Writes go to 17 and 18 only. */
export interface Tested {
  readonly forge: ForgeApi
  readonly state: GiteaState
}

/** Says that a forge keeps its contract. */
export const forgeContract = (
  name: string,
  make: Effect.Effect<Tested, never, Scope.Scope>,
  /** `keys: false` for one that is scoped to a run. */
  options: { readonly keys?: boolean } = {},
): void => {
  const tested = Effect.map(make, ({ forge, state }) => ({ forge, state, repo: theRepo(state) }))

  describe(`${name} keeps the contract of Forge`, () => {
    it.scoped("tells the repository, its id and the token's user", () =>
      Effect.gen(function* () {
        const { forge, state, repo } = yield* tested
        expect(forge.repository).toEqual({ owner: "acme", repo: "tool" })
        expect(yield* forge.repositoryId).toBe(repo.id)
        expect(yield* forge.self).toEqual({ login: "bot", id: state.user("bot")?.id })
      }),
    )

    it.scoped("reads an issue as it is", () =>
      Effect.gen(function* () {
        const { forge, state } = yield* tested
        expect(yield* forge.readIssue(17)).toEqual({
          number: 17,
          title: "Tool fails",
          body: "It says:\r\n\n```\nfixes #3\n```\n",
          state: "open",
          author: "ann",
          authorId: state.user("ann")?.id,
          labels: ["bug", "bot-bottle:fixer"],
          assignees: ["bot", "ann"],
        })
        expect(yield* forge.readIssue(3)).toMatchObject({ state: "closed", body: "", assignees: [] })
      }),
    )

    it.scoped("reads a PR as it is", () =>
      Effect.gen(function* () {
        const { forge, state, repo } = yield* tested
        expect(yield* forge.readPr(18)).toEqual({
          number: 18,
          title: "WIP: fix",
          body: "Closes #17",
          state: "open",
          author: "bot",
          authorId: state.user("bot")?.id,
          labels: ["bot-bottle:x"],
          assignees: [],
          merged: false,
          draft: true,
          head: "bot-bottle/one",
          base: "trunk",
          headRepoId: repo.id,
        })
        actions.merge(state, numbered(repo, 18), 1)
        expect(yield* forge.readPr(18)).toMatchObject({ state: "closed", merged: true })
      }),
    )

    it.scoped("tells an issue that is read as a PR, and the reverse, from what does not exist", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        expect(yield* Effect.flip(forge.readIssue(18))).toMatchObject({ status: 404, operation: "readIssue" })
        expect((yield* Effect.flip(forge.readIssue(18))).detail).toMatch(/is a pull request/)
        expect(yield* Effect.flip(forge.readPr(17))).toMatchObject({ status: 404, operation: "readPr" })
        expect((yield* Effect.flip(forge.readPr(17))).detail).toMatch(/is an issue/)
        expect((yield* Effect.flip(forge.readPr(999))).detail).toMatch(/#999 does not exist/)
      }),
    )

    it.scoped("answers 404 for whatever is asked of a number that does not exist", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        const calls: ReadonlyArray<Effect.Effect<unknown, ForgeRequestError>> = [
          forge.readIssue(999),
          forge.readPr(999),
          forge.readComments(999),
          forge.getPrForIssue(999),
          forge.isPrOpen(999),
          forge.isPrOpen(17),
        ]
        for (const call of calls)
          expect(yield* Effect.flip(call)).toMatchObject({ _tag: "ForgeRequestError", status: 404 })
      }),
    )

    it.scoped("knows the default branch and protected ones from others", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        const branches = ["trunk", "release/1.x", "bot-bottle/one", "stranger/x"]
        expect(yield* Effect.forEach(branches, forge.isGuardedBranch)).toEqual([true, true, false, false])
        expect(yield* Effect.flip(forge.isGuardedBranch("absent"))).toMatchObject({ status: 404 })
      }),
    )

    it.scoped("reads comments oldest first, and says whose words count", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        const comments = yield* forge.readComments(17)
        expect(comments.map(({ user, body, authorTrusted }) => [user, body, authorTrusted])).toEqual([
          ["ann", "first", false],
          ["wendy", "second", true],
          ["rita", "third", false],
          ["bot", "fourth", false],
          ["otherbot", "fifth", false],
          ["acme", "sixth", true],
          ["tess", "seventh", true],
          ["stranger", "eighth", false],
        ])
        expect(comments.every(({ createdAt }) => !Number.isNaN(Date.parse(createdAt)))).toBe(true)
        expect(yield* forge.readComments(18)).toEqual([])
      }),
    )

    it.scoped("posts a comment to an issue and to a PR, unchanged", () =>
      Effect.gen(function* () {
        const { forge, repo } = yield* tested
        const body = " closes #3 \r\n\t<!-- x --> \u{1F600} \u0000 ``` token  \n"
        const id = yield* forge.postComment(17, body)
        expect(numbered(repo, 17).comments.at(-1)).toMatchObject({ id, body })
        yield* forge.postComment(18, "same")
        yield* forge.postComment(18, "same")
        expect(numbered(repo, 18).comments.map((comment) => comment.body)).toEqual(["same", "same"])
        expect((yield* forge.readComments(17)).at(-1)).toMatchObject({ id, body, user: "bot" })
      }),
    )

    it.scoped("updates the description of an issue and of a PR, and leaves one that is the same alone", () =>
      Effect.gen(function* () {
        const { forge, repo } = yield* tested
        for (const number of [17, 18]) {
          yield* forge.updateDescription(number, "new")
          yield* forge.updateDescription(number, "new")
          expect(numbered(repo, number)).toMatchObject({ body: "new", contentVersion: 1 })
          yield* forge.updateDescription(number, "")
          expect(numbered(repo, number)).toMatchObject({ body: "", contentVersion: 2 })
        }
      }),
    )

    it.scoped("opens a PR against the default branch, once", () =>
      Effect.gen(function* () {
        const { forge, repo } = yield* tested
        const pr = { title: "Two", body: "Closes #17", head: "bot-bottle/two" }
        const number = yield* forge.openPr(pr)
        expect(yield* forge.readPr(number)).toMatchObject({
          ...pr,
          base: "trunk",
          author: "bot",
          state: "open",
        })
        expect(yield* forge.openPr({ ...pr, title: "Again" })).toBe(number)
        expect(repo.issues.size).toBe(contractSize + 1)
        expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(number))
      }),
    )

    it.scoped("does not adopt a stranger's PR, nor open one without a branch", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        expect(yield* Effect.flip(forge.openPr({ title: "T", body: "", head: "stranger/x" }))).toMatchObject({
          status: 409,
        })
        const missing = yield* Effect.flip(forge.openPr({ title: "T", body: "", head: "nowhere" }))
        expect(missing).toMatchObject({ status: 404, detail: expect.stringMatching(/push the branch/) })
        const pr = { title: "T", body: "", head: "bot-bottle/two" }
        expect(yield* Effect.flip(forge.openPr({ ...pr, base: "nowhere" }))).toMatchObject({
          status: 404,
          detail: expect.stringMatching(/name a base that exists/),
        })
        expect(yield* Effect.flip(forge.openPr({ ...pr, base: pr.head }))).toMatchObject({
          status: 422,
          detail: expect.stringMatching(/two different branches/),
        })
      }),
    )

    it.scoped(
      "opens one PR when it is asked for it many times at once, and another when that is closed",
      () =>
        Effect.gen(function* () {
          const { forge, state, repo } = yield* tested
          const pr = { title: "Two", body: "", head: "bot-bottle/two" }
          const numbers = yield* Effect.all(
            Array.from({ length: 8 }, () => forge.openPr(pr)),
            { concurrency: "unbounded" },
          )
          const [first = 0, ...others] = [...new Set(numbers)]
          expect(others).toEqual([])
          expect(repo.issues.size).toBe(contractSize + 1)
          actions.setState(state, numbered(repo, first), "closed")
          const second = yield* forge.openPr(pr)
          expect(second).not.toBe(first)
          expect(yield* forge.isPrOpen(second)).toBe(true)
        }),
    )

    it.scoped("does not take a PR from a fork's branch of the same name for its own", () =>
      Effect.gen(function* () {
        const { forge, state, repo } = yield* tested
        const fork = state.addRepo({ owner: "bot", name: "tool" })
        const pr = { title: "Two", body: "", head: "bot-bottle/two" }
        const theirs = actions.openPull(state, repo, { ...pr, author: "bot", headRepoId: fork.id })
        const number = yield* forge.openPr(pr)
        expect(number).not.toBe(theirs.number)
        expect(yield* forge.readPr(number)).toMatchObject({ headRepoId: repo.id })
      }),
    )

    it.scoped("opens another PR from the same branch to another base", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        const pr = { title: "T", body: "", head: "bot-bottle/one", base: "bot-bottle/two" }
        const number = yield* forge.openPr(pr)
        expect(number).not.toBe(18)
        expect(yield* forge.openPr({ ...pr, base: "trunk" })).toBe(18)
        expect(yield* forge.openPr(pr)).toBe(number)
      }),
    )

    it.scoped("decides memberships of orgs that the bot is in, and of no others", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        expect(yield* forge.isOrgMember("bots", "otherbot")).toBe(true)
        expect(yield* forge.isOrgMember("BOTS", "OtherBot")).toBe(true)
        expect(yield* forge.isOrgMember("bots", "ann")).toBe(false)
        expect(yield* forge.isOrgMember("bots", "nobody-there")).toBe(false)
        expect(yield* forge.isOrgMember("apart", "bot")).toBe(false)
        for (const [org, user] of [
          ["apart", "ann"],
          ["apart", "rita"],
          ["apart", "wendy"],
          ["no-such-org", "ann"],
        ] as const) {
          const error = yield* Effect.flip(forge.isOrgMember(org, user))
          expect(error).toMatchObject({
            status: 303,
            detail: expect.stringMatching(/make the bot .*a member/),
          })
        }
      }),
    )

    it.scoped("says who may write to the repository", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        const asked = ["wendy", "bot", "acme", "rita", "stranger", "nobody-there"]
        const answers = yield* Effect.forEach(asked, (user) => forge.canWrite(user))
        expect(answers).toEqual([true, true, true, false, false, false])
      }),
    )

    it.scoped("finds the PR of an issue: open before closed, newest first, never a mere mention", () =>
      Effect.gen(function* () {
        const { forge, state, repo } = yield* tested
        const open = (head: string, body: string) =>
          actions.openPull(state, repo, { title: head, head, body, author: "stranger" }).number
        expect(yield* forge.getPrForIssue(18)).toEqual(Option.some(18))
        expect(yield* forge.getPrForIssue(20)).toEqual(Option.none())
        expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(18))
        open("a", "see #17, and `closes #17`")
        expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(18))
        const newer = open("b", "Fixes: #17")
        expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(newer))
        actions.setState(state, numbered(repo, newer), "closed")
        expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(18))
        actions.editBody(state, numbered(repo, 18), 1, "no more")
        expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(newer))
        const elsewhere = state.addRepo({ owner: "acme", name: "fork", branches: ["c"] })
        actions.openPull(state, elsewhere, {
          title: "c",
          head: "c",
          body: "closes acme/tool#17",
          author: "acme",
        })
        expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(newer))
      }),
    )

    it.scoped("says whether a PR is open", () =>
      Effect.gen(function* () {
        const { forge, state, repo } = yield* tested
        expect(yield* forge.isPrOpen(18)).toBe(true)
        actions.merge(state, numbered(repo, 18), 1)
        expect(yield* forge.isPrOpen(18)).toBe(false)
      }),
    )

    it.scoped("lists all open PRs, with the names of their branches", () =>
      Effect.gen(function* () {
        const { forge, state, repo } = yield* tested
        const seen = Effect.map(forge.openPrs, (prs) =>
          prs.map(({ number, head, base, headRepoId }) => ({ number, head, base, headRepoId })),
        )
        const before = yield* seen
        const fork = state.addRepo({ owner: "eve", name: "tool", branches: ["gone"] })
        repo.branches.add("gone").add("release")
        const opened = ["main", "release"].map((base) =>
          actions.openPull(state, repo, { title: base, head: "gone", base, author: "eve" }),
        )
        const theirs = actions.openPull(state, repo, { title: "f", head: "gone", author: "eve" })
        if (theirs.pull !== undefined) theirs.pull.headRepoId = fork.id
        repo.branches.delete("gone")
        for (let n = 300; n < 360; n++)
          state.addPull(repo, { number: n, title: "many", author: "ann", head: "release" })
        const now = yield* seen
        expect(now).toHaveLength(before.length + 63)
        const expected = [...opened, theirs].map(({ number, pull }) => ({
          number,
          head: "gone",
          base: pull?.base,
          headRepoId: pull?.headRepoId,
        }))
        expect(now).toEqual(expect.arrayContaining(expected))
        actions.setState(state, theirs, "closed")
        expect((yield* seen).map(({ number }) => number)).not.toContain(theirs.number)
      }),
    )

    it.scoped("lists open issues with an agent's label, all or since a time", () =>
      Effect.gen(function* () {
        const { forge, state, repo } = yield* tested
        const numbers = (since: string) =>
          Effect.map(Stream.runCollect(forge.targetedIssues(since)), (issues) =>
            Chunk.toReadonlyArray(issues)
              .map((issue) => issue.number)
              .sort((a, b) => a - b),
          )
        expect(yield* numbers("")).toEqual([17, 20])
        expect(yield* numbers("2021-01-01T00:00:00+02:00")).toEqual([17])
        for (let n = 100; n < 220; n++) {
          state.addIssue(repo, {
            number: n,
            title: "many",
            author: "ann",
            labels: n % 2 === 0 ? ["bot-bottle:x"] : ["x"],
          })
        }
        expect(yield* numbers("")).toHaveLength(62)
      }),
    )

    if (options.keys !== false)
      it.scoped("registers a deploy key, lists it, and removes it, twice if asked", () =>
        Effect.gen(function* () {
          const { forge, repo } = yield* tested
          const [one, two] = [
            { title: "one", publicKey: keyOf("A"), readOnly: true },
            { title: "two", publicKey: keyOf("B"), readOnly: false },
          ]
          const ids = [yield* forge.createDeployKey(one), yield* forge.createDeployKey(two)]
          expect(yield* forge.listDeployKeys).toEqual([
            { id: ids[0], ...one },
            { id: ids[1], ...two },
          ])
          expect(repo.keys.map(({ readOnly }) => readOnly)).toEqual([true, false])
          for (const taken of [
            { ...one, title: "another" },
            { ...one, publicKey: keyOf("C") },
          ])
            expect(yield* Effect.flip(forge.createDeployKey(taken))).toMatchObject({ status: 422 })
          for (const id of [ids[0] ?? 0, ids[0] ?? 0, 999_999]) yield* forge.deleteDeployKey(id)
          expect(yield* forge.listDeployKeys).toEqual([{ id: ids[1], ...two }])
        }),
      )
    else
      it.scoped("makes and removes no deploy key", () =>
        Effect.gen(function* () {
          const { forge, repo } = yield* tested
          const key = { title: "one", publicKey: keyOf("A"), readOnly: true }
          expect(yield* Effect.flip(forge.createDeployKey(key))).toMatchObject({ status: 403 })
          expect(yield* Effect.flip(forge.deleteDeployKey(1))).toMatchObject({ status: 403 })
          expect(repo.keys).toEqual([])
        }),
      )

    it.scoped("does many things at once", () =>
      Effect.gen(function* () {
        const { forge, repo } = yield* tested
        const bodies = Array.from({ length: 32 }, (_, n) => `comment ${n}`)
        const ids = yield* Effect.forEach(
          bodies,
          (body) => Effect.zipLeft(forge.postComment(18, body), forge.readIssue(17), { concurrent: true }),
          { concurrency: "unbounded" },
        )
        expect(new Set(ids).size).toBe(32)
        const comments = numbered(repo, 18).comments
        expect(
          bodies.map((body, n) => comments.find((comment) => comment.id === ids[n])?.body === body),
        ).not.toContain(false)
      }),
    )

    it.scoped("fails with errors that a program can act on", () =>
      Effect.gen(function* () {
        const { forge } = yield* tested
        const exit = yield* Effect.exit(forge.readIssue(999))
        expect(exit).toStrictEqual(Exit.fail(yield* Effect.flip(forge.readIssue(999))))
      }),
    )
  })
}

/** A public key that is one by its form. */
export const keyOf = (letter: string): string => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${letter.repeat(43)}`

const contractSize = (contractSeed.issues?.length ?? 0) + (contractSeed.pulls?.length ?? 0)

const theRepo = (state: GiteaState): SimRepo => {
  const repo = state.repo("acme", "tool")
  if (repo === undefined) throw new Error("the seed has no acme/tool")
  return repo
}

/** The issue or PR of that number, which the test knows to be there. */
export const numbered = (repo: SimRepo, number: number) => {
  const issue = repo.issues.get(number)
  if (issue === undefined) throw new Error(`no #${number}`)
  return issue
}
