/** Webhooks over real HTTP: what a real Gitea sent, what the simulated one sends, and what strangers send. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, Option, Redacted } from "effect"
import { createHmac } from "node:crypto"
import { request } from "node:http"
import { join } from "node:path"
import { StateStoreError } from "../../../src/domain/Errors.ts"
import { IssueNumber } from "../../../src/domain/orchestrator/IssueKey.ts"
import { defaultLife } from "../../../src/domain/orchestrator/LifeSettings.ts"
import * as MemoryLifeStores from "../../../src/layers/memory/MemoryLifeStores.ts"
import * as SqliteInbox from "../../../src/layers/sqlite/SqliteInbox.ts"
import { type AcceptHint, listedBy } from "../../../src/orchestrator/ingest/webhook.ts"
import * as WebhookListener from "../../../src/orchestrator/ingest/WebhookListener.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import { hint } from "../../support/life.ts"
import { RECORDED_SECRET, recordedDeliveries } from "../../support/recordedDeliveries.ts"
import { tempDir } from "../../support/tempDir.ts"

const FORGE = "http://git.example/api/v1"
const SECRET = RECORDED_SECRET

type Bytes = Uint8Array | string

/** A listener; `repositories` in lower case are served, all when absent. */
const listening = (
  options: {
    readonly repositories?: ReadonlyArray<string>
    readonly secret?: string
    readonly accept?: AcceptHint
    readonly ciFeedback?: number
  } = {},
) =>
  Effect.gen(function* () {
    const inbox = yield* Inbox
    const { repositories, ciFeedback = 1 } = options
    const served = {
      target: { kind: "gitea" as const, apiUrl: FORGE, token: Redacted.make("t"), owner: "a", repo: "b" },
      life: { ...defaultLife, ciFeedback },
    }
    const port = yield* WebhookListener.listen({
      secret: Redacted.make(options.secret ?? SECRET),
      forge: FORGE,
      isListed: listedBy({
        find: ({ owner, repo }) =>
          repositories?.includes(`${owner}/${repo}`.toLowerCase()) === false
            ? Option.none()
            : Option.some(served),
        running: 1,
      }),
      accept: options.accept ?? inbox.accept,
      host: "127.0.0.1",
      port: 0,
    })
    const url = `http://127.0.0.1:${port}/webhook`
    const send = (headers: Readonly<Record<string, string>>, body: Bytes) =>
      Effect.promise(async () => {
        const answer = await fetch(url, { method: "POST", headers, body })
        return { status: answer.status, text: await answer.text() }
      })
    return {
      url,
      port,
      send,
      status: (...it: Parameters<typeof send>) => Effect.map(send(...it), (a) => a.status),
    }
  })

const signature = (body: Bytes, secret = SECRET) => createHmac("sha256", secret).update(body).digest("hex")

/** Headers of a signed delivery. */
const signed = (body: Bytes, fields: Readonly<Record<string, string>> = {}) => ({
  "content-type": "application/json",
  "x-gitea-delivery": "688b4d01-c5c0-4cdb-9baa-bb4131d527cd",
  "x-gitea-event-type": "issues",
  "x-gitea-signature": signature(body),
  ...fields,
})

const issueBody = (fields: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    action: "opened",
    issue: { number: 17 },
    repository: { id: 5, name: "cellar", owner: { id: 2, login: "acme" } },
    sender: { id: 2, login: "ada" },
    ...fields,
  })

/** Every open hint. */
const kept = Effect.gen(function* () {
  const inbox = yield* Inbox
  const page = { limit: 1000 }
  const issues = yield* inbox.waiting(page)
  const rows = yield* Effect.forEach(issues, (row) =>
    inbox.open({ ...row, issueNumber: row.issueNumber ?? IssueNumber.make(1) }),
  )
  return [...rows.flat(), ...(yield* inbox.unrouted(page))].sort((a, b) => a.seq - b.seq)
})

const onDisk = Layer.unwrapScoped(
  Effect.map(tempDir, (dir) => SqliteInbox.layer({ filename: join(dir, "bot-bottle.db") })),
)

for (const [name, inbox] of [
  ["memory", MemoryLifeStores.layer],
  ["SQLite", onDisk],
] as const)
  describe(`webhooks into an inbox in ${name}`, () => {
    it.scopedLive(
      "every delivery that a real Gitea made is accepted, and kept once when it says something",
      () =>
        Effect.gen(function* () {
          const { status } = yield* listening()
          expect(recordedDeliveries.length).toBe(33)
          for (const round of [1, 2])
            for (const { headers, raw } of recordedDeliveries)
              expect([round, yield* status(headers, raw)]).toEqual([round, 202])
          const silent = new Set(["push", "create", "delete"])
          const speaking = recordedDeliveries.filter(
            ({ headers }) => !silent.has(headers["x-gitea-event-type"] ?? ""),
          )
          const rows = yield* kept
          expect(rows.map(({ id }) => id)).toEqual(
            speaking.map(({ headers }) => `delivery:${headers["x-gitea-delivery"]}`),
          )
          expect(rows.every(({ forge }) => forge === FORGE)).toBe(true)
        }).pipe(Effect.provide(inbox)),
    )

    it.scopedLive("what the simulated Gitea sends is kept, whatever is repeated or reordered", () =>
      Effect.gen(function* () {
        const { url } = yield* listening({ repositories: ["ada/cellar"] })
        const sim = yield* GiteaSimulator.make({
          users: [{ login: "ada", token: "of-ada" }],
          repos: [
            { owner: "ada", name: "cellar", issues: [{ title: "Door" }] },
            { owner: "ada", name: "loft", issues: [{ title: "Dust" }] },
          ],
        })
        for (const repo of ["cellar", "loft"])
          yield* hook(sim, repo, { url, content_type: "json", secret: SECRET })
        yield* hook(sim, "cellar", { url, content_type: "form", secret: SECRET })
        yield* hook(sim, "cellar", { url, content_type: "json", secret: "" })
        sim.webhooks.treat(() => ({ held: true }))
        const ada = sim.as("ada")
        const at = (repo: string) => ({ owner: "ada", repo, number: 1 })
        yield* ada.comment(at("cellar"), "one")
        yield* ada.label(at("cellar"), "bot-bottle:carpenter")
        yield* ada.comment(at("loft"), "elsewhere")
        yield* sim.webhooks.release((all) => [...all, ...all].toReversed())
        const { deliveries } = sim.webhooks
        const answers = (secret: string, contentType: string) =>
          deliveries
            .filter(({ hook }) => hook.secret === secret && hook.contentType === contentType)
            .flatMap(({ answers }) => answers)
        expect(answers(SECRET, "json")).toEqual([202, 202, 202, 202, 202, 202])
        expect(answers(SECRET, "form")).toEqual([401, 401, 401, 401])
        expect(answers("", "json")).toEqual([401, 401, 401, 401])
        expect((yield* kept).map(({ kind, owner, repo }) => [kind, owner, repo])).toEqual([
          ["label", "ada", "cellar"],
          ["comment", "ada", "cellar"],
        ])
        const [first] = deliveries
        if (first === undefined) return yield* Effect.die("nothing was delivered")
        // A person sends it again: another id, so the issue is looked at again.
        expect(yield* sim.webhooks.redeliver(first)).toBe(202)
        expect((yield* kept).length).toBe(3)
      }).pipe(Effect.provide(inbox)),
    )

    it.scopedLive("fifty deliveries of one id at a time are kept once", () =>
      Effect.gen(function* () {
        const { status } = yield* listening()
        const body = issueBody()
        const answers = yield* Effect.all(
          Array.from({ length: 50 }, () => status(signed(body), body)),
          { concurrency: "unbounded" },
        )
        expect(answers).toEqual(Array(50).fill(202))
        expect((yield* kept).length).toBe(1)
      }).pipe(Effect.provide(inbox)),
    )
  })

const hook = (sim: GiteaSimulator.GiteaSimulator, repo: string, config: Readonly<Record<string, string>>) =>
  Effect.promise(() =>
    fetch(`${sim.apiUrl}/repos/ada/${repo}/hooks`, {
      method: "POST",
      headers: { authorization: "token of-ada", "content-type": "application/json" },
      body: JSON.stringify({ type: "gitea", config, events: ["issues", "pull_request"], active: true }),
    }),
  )

/** The largest body, in bytes. */
const MIB = 1024 * 1024

const memory = Effect.provide(MemoryLifeStores.layer)

it.scopedLive("a webhook with a wrong, empty or no signature is refused, and nothing of it is kept", () =>
  Effect.gen(function* () {
    const { status } = yield* listening()
    const body = issueBody()
    const right = signature(body)
    const { "x-gitea-signature": _, ...unsigned } = signed(body)
    expect(yield* status(unsigned, body)).toBe(401)
    const wrong = [
      "",
      "0".repeat(64),
      right.slice(1),
      right.slice(0, 2),
      right.slice(0, 62),
      `${right}0`,
      `${right}00`,
      right.toUpperCase(),
      `sha256=${right}`,
      `${right}, ${right}`,
      signature(body, ""),
      signature(body, "another"),
      signature(`${body} `),
    ]
    for (const each of wrong)
      expect([each, yield* status(signed(body, { "x-gitea-signature": each }), body)]).toEqual([each, 401])
    // The twins of other forges count for nothing.
    expect(yield* status({ ...unsigned, "x-hub-signature-256": `sha256=${right}` }, body)).toBe(401)
    for (const { headers, raw } of recordedDeliveries)
      expect(yield* status(headers, raw.replace("{", "{ "))).toBe(401)
    expect(yield* kept).toEqual([])
    expect(yield* status(signed(body), body)).toBe(202)
  }).pipe(memory),
)

it.scopedLive("without a secret every webhook is refused, also one that is signed with none", () =>
  Effect.gen(function* () {
    const { status } = yield* listening({ secret: "" })
    const body = issueBody()
    expect(yield* status(signed(body, { "x-gitea-signature": signature(body, "") }), body)).toBe(401)
    expect(yield* kept).toEqual([])
  }).pipe(memory),
)

it.scopedLive("a body of more than 1 MiB is refused, however it is sent; one of 1 MiB is read", () =>
  Effect.gen(function* () {
    const { status, port } = yield* listening()
    const base = issueBody()
    const full = base + " ".repeat(MIB - base.length)
    const over = `${full} `
    expect(yield* status(signed(over), over)).toBe(413)
    const huge = Buffer.alloc(8 * MIB, 32)
    expect(yield* status(signed(huge), huge)).toBe(413)
    expect(yield* inPieces(port, over, 4096)).toBe(413)
    expect(yield* kept).toEqual([])
    expect(yield* status(signed(full), full)).toBe(202)
    expect((yield* kept).length).toBe(1)
  }).pipe(memory),
)

it.scopedLive("a body that comes in pieces is put together", () =>
  Effect.gen(function* () {
    const { port } = yield* listening()
    expect(yield* inPieces(port, issueBody({ note: "\u{1f37e}" }), 7)).toBe(202)
    expect((yield* kept).length).toBe(1)
  }).pipe(memory),
)

it.scopedLive("a client that leaves in the middle of a body harms nobody", () =>
  Effect.gen(function* () {
    const { status, port } = yield* listening()
    const body = issueBody()
    yield* Effect.async<void>((resume) => {
      const call = request({ port, path: "/webhook", method: "POST", headers: signed(body) })
      call.on("error", () => undefined)
      call.on("close", () => resume(Effect.void))
      call.write(body, () => call.destroy())
    })
    expect(yield* kept).toEqual([])
    expect(yield* status(signed(body), body)).toBe(202)
  }).pipe(memory),
)

/** Sends a body whose length is not said. */
const inPieces = (port: number, body: string, bytes: number) =>
  Effect.async<number>((resume) => {
    const call = request(
      {
        port,
        path: "/webhook",
        method: "POST",
        headers: { ...signed(body), "transfer-encoding": "chunked" },
      },
      (response) => {
        response.resume()
        resume(Effect.succeed(response.statusCode ?? 0))
      },
    )
    call.on("error", () => undefined)
    const all = Buffer.from(body)
    for (let at = 0; at < all.length; at += bytes) call.write(all.subarray(at, at + bytes))
    call.end()
  })

it.scopedLive(
  "a signed delivery that is malformed is refused without a word of it, and nothing is kept",
  () =>
    Effect.gen(function* () {
      const { send } = yield* listening()
      const body = issueBody()
      const mark = "mark-of-the-body"
      const bodies: ReadonlyArray<Bytes> = [
        "",
        mark,
        `{"${mark}`,
        "null",
        "[]",
        "{}",
        issueBody({ issue: null }),
        issueBody({ issue: { number: mark } }),
        issueBody({ issue: { number: -1 } }),
        issueBody({ issue: { number: 1.5 } }),
        issueBody({ repository: { name: mark } }),
        issueBody({ repository: { name: "..\n", owner: { login: mark } } }),
        Buffer.from([...Buffer.from(body.slice(0, -1)), 0xff, 0x7d]),
      ]
      for (const each of bodies) {
        const answer = yield* send(signed(each), each)
        expect([String(each), answer.status]).toEqual([String(each), 400])
        expect(answer.text).not.toContain(mark)
      }
      for (const fields of [
        { "x-gitea-delivery": "" },
        { "x-gitea-delivery": "with space" },
        { "x-gitea-delivery": "x".repeat(101) },
        { "x-gitea-event-type": "" },
      ])
        expect([fields, (yield* send(signed(body, fields), body)).status]).toEqual([fields, 400])
      expect(yield* kept).toEqual([])
    }).pipe(memory),
)

it.scopedLive(
  "a webhook for another repository, or of an event that says nothing, is 202, and nothing is kept",
  () =>
    Effect.gen(function* () {
      const { send } = yield* listening({ repositories: ["acme/cellar"], ciFeedback: 0 })
      const listed = issueBody()
      const other = issueBody({ repository: { name: "loft", owner: { login: "acme" } } })
      const ignored = [
        yield* send(signed(other), other),
        yield* send(signed(listed, { "x-gitea-event-type": "ping" }), listed),
        yield* send(signed(listed, { "x-gitea-event-type": "constructor" }), listed),
        yield* send(signed("{}", { "x-gitea-event-type": "push" }), "{}"),
      ]
      // Nobody checks the commits of this repository.
      const status = issueBody({ sha: "c0ffee", state: "failure" })
      ignored.push(yield* send(signed(status, { "x-gitea-event-type": "status" }), status))
      expect(ignored).toEqual(ignored.map(() => ({ status: 202, text: "accepted\n" })))
      expect(yield* kept).toEqual([])
      const shouted = issueBody({ repository: { name: "CELLAR", owner: { login: "Acme" } } })
      // Whoever asks cannot tell the two apart.
      expect(yield* send(signed(shouted), shouted)).toEqual(ignored[0])
      expect((yield* kept).length).toBe(1)
    }).pipe(memory),
)

it.scopedLive("a webhook is answered when its hint is kept, and not before; what cannot be kept is 503", () =>
  Effect.gen(function* () {
    const asked = yield* Deferred.make<void>()
    const answer = yield* Deferred.make<"accepted", StateStoreError>()
    const lines: Array<string> = []
    const { status } = yield* listening({
      accept: () => Effect.zipRight(Deferred.succeed(asked, undefined), Deferred.await(answer)),
    }).pipe(
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.map(Logger.stringLogger, (line) => void lines.push(line)),
        ),
      ),
    )
    const body = issueBody()
    const answered = yield* Effect.fork(status(signed(body), body))
    yield* Deferred.await(asked)
    expect(Option.isNone(yield* answered.poll)).toBe(true)
    yield* Deferred.fail(
      answer,
      new StateStoreError({ operation: "accept", reason: "disk full", cause: "x" }),
    )
    expect(yield* answered).toBe(503)
    expect(yield* status(signed(body, { "x-gitea-signature": signature(body, "no") }), body)).toBe(401)
    const log = lines.join("\n")
    expect(log).toContain("disk full")
    expect(log).toContain("was refused")
    expect(log).not.toContain(SECRET)
    expect(log).not.toContain(signature(body))
  }).pipe(memory),
)

it.scopedLive("only POST /webhook is served, and an address that is taken is reported", () =>
  Effect.gen(function* () {
    const { url, port } = yield* listening()
    const at = (path: string, method = "POST") =>
      Effect.promise(async () => {
        const answer = await fetch(new URL(path, url), { method, ...(method === "POST" && { body: "x" }) })
        return answer.status
      })
    const body = issueBody()
    expect([yield* at("/"), yield* at("/webhooks"), yield* at("/webhook", "GET")]).toEqual([404, 404, 405])
    const taken = WebhookListener.listen({
      secret: Redacted.make(SECRET),
      forge: FORGE,
      isListed: () => true,
      accept: () => Effect.succeed("accepted"),
      host: "127.0.0.1",
      port,
    })
    expect(yield* Effect.flip(taken)).toMatchObject({ _tag: "ListenFailed", port, reason: "EADDRINUSE" })
    expect(
      (yield* Effect.promise(() => fetch(url, { method: "POST", headers: signed(body), body }))).status,
    ).toBe(202)
    expect((yield* kept).map(({ id }) => id)).toEqual([
      hint("delivery:688b4d01-c5c0-4cdb-9baa-bb4131d527cd").id,
    ])
  }).pipe(memory),
)
