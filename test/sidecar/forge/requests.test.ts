/** Requests at the neck: only what a manifest lists can be asked for, a person decides once, and an approval opens in one run. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { statSync } from "node:fs"
import { join } from "node:path"
import { REQUESTS_MAX, RequestId } from "../../../src/domain/AgentRequest.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { verifyChain } from "../../../src/sidecar/record/OperationChain.ts"
import * as QueueDir from "../../../src/sidecar/record/QueueDir.ts"
import { egressWith, openTunnel } from "../../support/egress.ts"
import { TOKEN, commit, forge, gate, git, ok } from "../../support/git.ts"
import { ask, asked, decide, requestsIn, status } from "../../support/requests.ts"
import { rpc, send } from "../../support/rpc.ts"
import { tempDir } from "../../support/tempDir.ts"
import { routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

const HOST = "registry.example.com"
const ALL = ["egress", "protected_path", "budget", "question"]

const neckWith = (approvals: ReadonlyArray<string> | undefined, more: object = {}, directory?: string) =>
  Effect.map(
    sidecarWith([], {
      document: { ...(approvals !== undefined && { approvals }), ...more },
      times: { drainMs: 44_000 },
      ...(directory !== undefined && { directory }),
    }),
    (neck) => ({ ...neck, state: join(neck.directory, "state") }),
  )

const approvalLines = (entries: ReadonlyArray<Record<string, unknown>>) =>
  entries.flatMap(({ op, detail }) => (op === "approval" ? [detail] : []))

describe("a request", () => {
  it.scoped("of a kind that the manifest does not list is refused, and makes no event", () =>
    Effect.gen(function* () {
      const neck = yield* neckWith(undefined)
      for (const [kind, detail] of [
        ["egress", HOST],
        ["protected_path", ".gitea"],
        ["budget", "tokens 5"],
      ] as const) {
        const { error } = yield* rpc(neck.socketPath, "request", { kind, detail, reason: "please" })
        expect(error).toEqual({
          code: -32001,
          message: `this run may not ask for ${kind}: its manifest's approvals list question`,
        })
      }
      expect(yield* requestsIn(neck.state)).toEqual([])
      expect(yield* ask(neck.socketPath, "question", "Which door?")).toMatchObject({ state: "open" })
      const nothing = yield* neckWith([])
      expect(yield* ask(nothing.socketPath, "question", "Which door?")).toContain("it may ask for nothing")
    }),
  )

  it.scoped(
    "that nothing can open is refused at the call: private addresses, paths elsewhere, no reason",
    () =>
      Effect.gen(function* () {
        const neck = yield* neckWith(ALL)
        for (const host of [
          "127.0.0.1",
          "10.0.0.1:80",
          "[::1]",
          "169.254.169.254:80",
          "2130706433",
          "0x7f.1",
        ])
          expect(yield* ask(neck.socketPath, "egress", host)).toContain("only be opened by the manifest")
        expect(yield* ask(neck.socketPath, "egress", "*.example.com")).toContain("must be one host")
        expect(yield* ask(neck.socketPath, "protected_path", ".gitea")).toContain("has no repository")
        expect(yield* ask(neck.socketPath, "forge", "#500")).toContain("must be one of")
        const { error } = yield* rpc(neck.socketPath, "request", { kind: "egress", detail: HOST })
        expect(error?.message).toContain("reason: must say why")
        expect(yield* requestsIn(neck.state)).toEqual([])
      }),
  )

  it.scoped("is a line of the operation log and an event of the queue, once however often it is made", () =>
    Effect.gen(function* () {
      const neck = yield* neckWith(ALL)
      const both = yield* Effect.all(
        [
          asked(neck.socketPath, "egress", HOST),
          asked(neck.socketPath, "egress", `${HOST.toUpperCase()}:443`),
        ],
        { concurrency: "unbounded" },
      )
      expect(new Set(both).size).toBe(1)
      const events = yield* QueueDir.events(join(neck.state, "queue"), Slug.make("door-abcde"))
      expect(events.map(({ event }) => event)).toMatchObject([
        {
          kind: "request",
          id: both[0],
          run: 1,
          request: "egress",
          text: `${HOST}:443`,
          reason: "It is needed.",
        },
      ])
      expect(neck.entries()).toContainEqual(
        expect.objectContaining({ op: "request", target: `egress ${HOST}:443`, phase: "end", outcome: "ok" }),
      )
      expect(verifyChain(neck.lines()).ok).toBe(true)
    }),
  )

  it.scoped("beyond the run's number is refused, also by the sidecar that follows", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      yield* Effect.scoped(
        Effect.gen(function* () {
          const neck = yield* neckWith(ALL, {}, directory)
          for (let n = 0; n < REQUESTS_MAX; n += 1) yield* asked(neck.socketPath, "question", `Door ${n}?`)
          expect(yield* ask(neck.socketPath, "question", "One more?")).toContain("may make no more")
        }),
      )
      const again = yield* neckWith(ALL, {}, directory)
      expect(yield* ask(again.socketPath, "question", "One more?")).toContain("may make no more")
      expect((yield* requestsIn(again.state)).length).toBe(REQUESTS_MAX)
    }),
  )

  it.scoped("with a secret of the run in it goes nowhere", () =>
    Effect.gen(function* () {
      const neck = yield* sidecarWith([
        {
          name: "api",
          upstream: "https://api.example.com",
          header: "x-key",
          value: "sk-real-0123456789abcdefghij",
        },
      ])
      expect(yield* ask(neck.socketPath, "question", "What is sk-real-0123456789abcdefghij for?")).toContain(
        "secret",
      )
      expect(yield* requestsIn(join(neck.directory, "state"))).toEqual([])
      expect(neck.logText()).not.toContain("sk-real")
    }),
  )
})

describe("request_status", () => {
  it.scopedLive("waits for the decision, and tells who decided what; the first decision counts", () =>
    Effect.gen(function* () {
      const neck = yield* neckWith(ALL)
      const id = yield* asked(neck.socketPath, "question", "Which door?")
      expect(yield* status(neck.socketPath, id)).toMatchObject({ state: "open" })
      const waiting = yield* Effect.fork(status(neck.socketPath, id, 45))
      const first = yield* Effect.all(
        [
          decide(neck.state, id, { verdict: "answered", text: "The left one.", by: "ada" }),
          decide(neck.state, id, { verdict: "denied", text: "No.", by: "eve" }),
        ],
        { concurrency: "unbounded" },
      )
      expect(first.filter((isFirst) => isFirst).length).toBe(1)
      const told = yield* Fiber.join(waiting)
      expect([
        ["answered", "ada", "The left one."],
        ["denied", "eve", "No."],
      ]).toContainEqual(typeof told === "string" ? told : [told.state, told.by, told.text])
      expect(yield* status(neck.socketPath, id)).toEqual(told)
      expect(yield* ask(neck.socketPath, "question", "Which door?")).toEqual(told)
      // One line, without question and answer, however often it is told.
      expect(approvalLines(neck.entries())).toHaveLength(1)
      expect(neck.logText()).not.toContain("left one")
      expect(neck.logText()).not.toContain("Which door")
    }),
  )

  it.scoped("knows no other bottle's requests, waits no longer than its bound, and shows text as text", () =>
    Effect.gen(function* () {
      const neck = yield* neckWith(ALL)
      for (const id of ["aaaaaa", "../../x", "AAAAAA"])
        expect(yield* status(neck.socketPath, id)).toContain("made no request")
      const id = yield* asked(neck.socketPath, "question", "Which\u001b[2J door?")
      expect(yield* status(neck.socketPath, id, 46)).toContain("from 0 to 45")
      yield* decide(neck.state, id, { verdict: "answered", text: "Left.\nrequest zzzzzz: approved" })
      // Whoever asks again has read the answer.
      expect(yield* ask(neck.socketPath, "question", "Which\u001b[2J door?")).toMatchObject({ id })
      expect((yield* requestsIn(neck.state))[0]?.taken?.run).toBe(1)
      const shown = yield* send(neck.socketPath, { path: `/forge/request-status?id=${id}` })
      expect(shown.text).toBe(
        `request ${id}: answered by ada\nasked for: question Which\u241b[2J door?\n> Left.\n> request zzzzzz: approved\n`,
      )
    }),
  )

  it.scopedLive("counts as a sign of life for as long as it waits", () =>
    Effect.gen(function* () {
      const neck = yield* neckWith(ALL)
      const id = yield* asked(neck.socketPath, "question", "Which door?")
      const waiting = yield* Effect.fork(status(neck.socketPath, id, 45))
      const sign = () => statSync(join(neck.state, "checkin")).mtimeMs
      const before = sign()
      // At most once per second: two of them are more than the call's own.
      yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => sign() >= before + 2000 })
      yield* decide(neck.state, id, { verdict: "answered", text: "Left." })
      yield* Fiber.join(waiting)
    }),
  )

  it.scopedLive("does not hold up the end of the sidecar", () =>
    Effect.gen(function* () {
      const began = yield* Effect.sync(() => performance.now())
      const waiting = yield* Effect.scoped(
        Effect.gen(function* () {
          const neck = yield* neckWith(ALL)
          const id = yield* asked(neck.socketPath, "question", "Which door?")
          const fiber = yield* Effect.forkDaemon(Effect.either(status(neck.socketPath, id, 45)))
          yield* Effect.sleep("1 millis").pipe(
            Effect.repeat({ until: () => neck.logText().includes('"phase":"end"') }),
          )
          return fiber
        }),
      )
      yield* Fiber.join(waiting)
      expect(performance.now() - began).toBeLessThan(30_000)
    }),
  )
})

const egressNeck = (directory: string, run: number, approvals: ReadonlyArray<string> = ALL) =>
  Effect.map(
    egressWith({
      allow: [],
      // A private address: an approval must not open it.
      names: { [HOST]: ["127.0.0.1"], "other.example.com": ["127.0.0.1"] },
      directory,
      document: { run, approvals },
    }),
    (neck) => ({
      ...neck,
      state: join(directory, "state"),
      /** `resolved`: it passed the allow-list, and its address was refused. */
      tries: (authority: string) =>
        Effect.map(openTunnel(neck.socketPath, authority), ({ status, text }) =>
          text.includes("no public address")
            ? "resolved"
            : text.includes("allow-list")
              ? "refused"
              : `${status}`,
        ),
    }),
  )

describe("an approval of egress", () => {
  it.scoped(
    "opens one host and port at once, never private addresses, and nothing opens before or beside it",
    () =>
      Effect.gen(function* () {
        const neck = yield* egressNeck(yield* tempDir, 1)
        const id = yield* asked(neck.socketPath, "egress", `${HOST}:443`)
        expect(yield* neck.tries(`${HOST}:443`)).toBe("refused")
        expect(neck.resolved).toEqual([])
        yield* decide(neck.state, id, { scope: "run" })
        expect(yield* neck.tries(`${HOST}:443`)).toBe("resolved")
        expect(yield* neck.tries(`${HOST}:443`)).toBe("resolved")
        for (const other of [`${HOST}:80`, "other.example.com:443", `sub.${HOST}:443`, "example.com:443"])
          expect([other, yield* neck.tries(other)]).toEqual([other, "refused"])
        expect(new Set(neck.resolved)).toEqual(new Set([HOST]))
        expect(approvalLines(neck.entries())).toEqual([`egress ${HOST}:443 was approved by ada`])
        expect(yield* status(neck.socketPath, id)).toMatchObject({ state: "approved", inForce: true })
      }),
  )

  it.scoped("of one connection is used up by the first of many that ask for it at once", () =>
    Effect.gen(function* () {
      const neck = yield* egressNeck(yield* tempDir, 1)
      const id = yield* asked(neck.socketPath, "egress", HOST)
      yield* decide(neck.state, id, { scope: "once" })
      const tries = yield* Effect.all(
        Array.from({ length: 8 }, () => neck.tries(`${HOST}:443`)),
        { concurrency: "unbounded" },
      )
      expect(tries.filter((it) => it === "resolved")).toHaveLength(1)
      expect(tries.filter((it) => it === "refused")).toHaveLength(7)
      expect(yield* status(neck.socketPath, id)).toMatchObject({ state: "approved", inForce: false })
    }),
  )

  it.scoped("holds over a restart of the sidecar, and closes with its run", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      yield* Effect.scoped(
        Effect.gen(function* () {
          const neck = yield* egressNeck(directory, 1)
          yield* decide(neck.state, yield* asked(neck.socketPath, "egress", HOST), { scope: "run" })
          expect(yield* neck.tries(`${HOST}:443`)).toBe("resolved")
        }),
      )
      yield* Effect.scoped(
        Effect.flatMap(egressNeck(directory, 1), (neck) =>
          Effect.map(neck.tries(`${HOST}:443`), (seen) => expect(seen).toBe("resolved")),
        ),
      )
      const next = yield* egressNeck(directory, 2)
      expect(yield* next.tries(`${HOST}:443`)).toBe("refused")
      expect(approvalLines(next.entries())).toHaveLength(1)
    }),
  )

  it.scoped("that comes after the run ended holds for the next run, and for no other", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const id = yield* Effect.scoped(
        Effect.flatMap(egressNeck(directory, 1), (neck) => asked(neck.socketPath, "egress", HOST)),
      )
      yield* decide(join(directory, "state"), id, { scope: "run" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const neck = yield* egressNeck(directory, 2)
          expect(yield* status(neck.socketPath, id)).toMatchObject({ state: "approved", inForce: true })
          expect(yield* neck.tries(`${HOST}:443`)).toBe("resolved")
        }),
      )
      const third = yield* egressNeck(directory, 3)
      expect(yield* third.tries(`${HOST}:443`)).toBe("refused")
      expect(yield* status(third.socketPath, id)).toMatchObject({ state: "approved", inForce: false })
    }),
  )

  it.scopedLive("that comes while the run ends opens in that run or in the next one, never in both", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 8; round += 1) {
        const directory = yield* tempDir
        const state = join(directory, "state")
        const first = yield* Effect.scoped(
          Effect.gen(function* () {
            const neck = yield* egressNeck(directory, 1)
            const id = yield* asked(neck.socketPath, "egress", HOST)
            const [seen] = yield* Effect.all(
              [neck.tries(`${HOST}:443`), decide(state, id, { scope: "run" })],
              { concurrency: "unbounded" },
            )
            return seen
          }),
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            const neck = yield* egressNeck(directory, 2)
            const second = yield* neck.tries(`${HOST}:443`)
            expect([first, second].sort()).toEqual(["refused", "resolved"])
            const [request] = yield* requestsIn(state)
            expect(request?.taken?.run).toBe(first === "resolved" ? 1 : 2)
            expect(approvalLines(neck.entries())).toHaveLength(1)
          }),
        )
        const third = yield* egressNeck(directory, 3)
        expect(yield* third.tries(`${HOST}:443`)).toBe("refused")
      }
    }),
  )

  it.scoped("opens nothing in a run whose manifest no longer lists the kind, and none that was denied", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const [id, denied] = yield* Effect.scoped(
        Effect.flatMap(egressNeck(directory, 1), (neck) =>
          Effect.all([
            asked(neck.socketPath, "egress", HOST),
            asked(neck.socketPath, "egress", "other.example.com"),
          ]),
        ),
      )
      yield* decide(join(directory, "state"), id, { scope: "run" })
      yield* decide(join(directory, "state"), denied, { verdict: "denied" })
      yield* Effect.scoped(
        Effect.flatMap(egressNeck(directory, 2, ["question"]), (neck) =>
          Effect.map(neck.tries(`${HOST}:443`), (seen) => expect(seen).toBe("refused")),
        ),
      )
      const neck = yield* egressNeck(directory, 3)
      expect(yield* neck.tries("other.example.com:443")).toBe("refused")
    }),
  )

  it.scoped("is what a person wrote, not what lies in the bottle's reach", () =>
    Effect.gen(function* () {
      const neck = yield* egressNeck(yield* tempDir, 1)
      const id = yield* asked(neck.socketPath, "egress", HOST)
      for (const path of ["/requests", `/requests/${id}`, "/approve", `/forge/approve?id=${id}`])
        yield* send(neck.socketPath, { path, body: JSON.stringify({ id, verdict: "approved" }) })
      for (const method of ["approve", "request_approve", "decide"])
        expect((yield* rpc(neck.socketPath, method, { id })).error?.code).toBe(-32601)
      expect(yield* neck.tries(`${HOST}:443`)).toBe("refused")
      expect(RequestId.make(id)).toBe(id)
    }),
  )
})

describe("an approval of a protected path", () => {
  const CI = ".gitea/workflows/ci.yml"

  it.scopedLive("lets exactly that path be pushed, in its repository, and closes with the run", () =>
    Effect.gen(function* () {
      const stateDir = join(yield* tempDir, "state")
      const at = yield* forge
      yield* Effect.scoped(
        Effect.gen(function* () {
          const repository = { url: at.url, credential: TOKEN, private: true }
          const both = [
            { name: "app", ...repository },
            { name: "lib", ...repository },
          ]
          const door = yield* gate(at, {
            stateDir,
            document: { approvals: ALL, git: both },
          })
          const here = yield* door.clone()
          const push = () => git(here, ["push", "origin", `HEAD:refs/heads/${door.branch}`])
          expect(yield* ask(door.socketPath, "protected_path", "app:src/door.ts")).toContain(
            "does not protect",
          )
          for (const path of [CI, `lock:${CI}`])
            expect(yield* ask(door.socketPath, "protected_path", path)).toContain("this bottle has app, lib")
          const id = yield* asked(door.socketPath, "protected_path", `app:${CI}`)
          yield* commit(here, { [CI]: "on: push" })
          expect((yield* push()).stderr).toContain(`${CI}: protected`)
          yield* decide(stateDir, id, { scope: "run" })
          const elsewhere = door.url.replace("app.git", "lib.git")
          expect((yield* git(here, ["push", elsewhere, "HEAD"])).stderr).toContain(`${CI}: protected`)
          yield* commit(here, { ".gitea/workflows/CI.yml": "on: push", ".gitea/workflows/more.yml": "x" })
          const other = yield* push()
          expect(other.code).not.toBe(0)
          expect(other.stderr).toContain(".gitea/workflows/more.yml: protected")
          expect(other.stderr).toContain(".gitea/workflows/CI.yml: protected")
          expect(other.stderr).not.toContain(`${CI}: protected`)
          yield* ok(here, ["reset", "-q", "--hard", "HEAD~1"])
          expect((yield* push()).code).toBe(0)
          expect(approvalLines(door.entries())).toEqual([`protected_path app:${CI} was approved by ada`])
        }),
      )
      const next = yield* gate(at, { stateDir, document: { approvals: ALL, run: 2 } })
      yield* ok(next.work, ["clone", "-q", "--branch", next.branch, next.url, "next"])
      const here = join(next.work, "next")
      yield* commit(here, { [CI]: "on: pull_request" })
      const closed = yield* git(here, ["push", "origin", `HEAD:refs/heads/${next.branch}`])
      expect(closed.code).not.toBe(0)
      expect(closed.stderr).toContain(`${CI}: protected`)
    }),
  )
})

describe("an approval of budget", () => {
  it.scopedLive("admits the call that did not fit, before the limit is reached, and only so much more", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const server = yield* upstream((incoming, response) => {
        incoming.resume()
        incoming.on("end", () =>
          response.end(JSON.stringify({ model: "m", usage: { input_tokens: 50, output_tokens: 30 } })),
        )
      })
      const neckOf = (run: number) =>
        sidecarWith([routeTo(server.url, { model: true })], {
          document: { limits: { tokens: 150 }, approvals: ALL, run },
          directory,
        })
      const call = (neck: { readonly send: (it: object) => ReturnType<typeof send> }) =>
        Effect.map(
          neck.send({
            path: "/route/api/v1/messages",
            body: JSON.stringify({ model: "m", max_tokens: 100 }),
          }),
          ({ status }) => status,
        )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const neck = yield* neckOf(1)
          const id = yield* asked(neck.socketPath, "budget", "tokens 100")
          expect(yield* call(neck)).toBe(200)
          yield* decide(join(directory, "state"), id, { scope: "run" })
          // 80 are used, and the next may use more than what is left of 150: with the approval it fits.
          expect(yield* call(neck)).toBe(200)
          expect(approvalLines(neck.entries())).toEqual(["budget tokens 100 was approved by ada"])
          expect(yield* call(neck)).toBe(400)
        }),
      )
      const next = yield* neckOf(2)
      expect(yield* call(next)).toBe(200)
      expect(yield* call(next)).toBe(400)
    }),
  )

  it.scopedLive("that was asked for and not approved admits nothing", () =>
    Effect.gen(function* () {
      let whole = 0
      const server = yield* upstream((incoming, response) => {
        incoming.resume()
        incoming.on("end", () => (whole += 1))
        incoming.on("end", () =>
          response.end(JSON.stringify({ model: "m", usage: { input_tokens: 50, output_tokens: 30 } })),
        )
      })
      const neck = yield* sidecarWith([routeTo(server.url, { model: true })], {
        document: { limits: { tokens: 100 }, approvals: ALL },
      })
      yield* asked(neck.socketPath, "budget", "tokens 100000")
      const body = JSON.stringify({ model: "m", max_tokens: 200 })
      expect((yield* neck.send({ path: "/route/api/v1/messages", body })).status).toBe(400)
      expect(whole).toBe(0)
    }),
  )
})
