/** Notices and reactions over real HTTP: to a receiver that fails half of the time, across restarts, and to a simulated Gitea. */
import { expect, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Redacted, Schedule, Scope } from "effect"
import { createHmac } from "node:crypto"
import { join } from "node:path"
import { decodeConfiguration } from "../../../src/domain/orchestrator/ConfigurationFile.ts"
import { IssueNumber } from "../../../src/domain/orchestrator/IssueKey.ts"
import { noticesOf, Reaction } from "../../../src/domain/orchestrator/Outbox.ts"
import * as GiteaForges from "../../../src/layers/gitea/GiteaForges.ts"
import * as SqliteOutbox from "../../../src/layers/sqlite/SqliteOutbox.ts"
import { servedBy } from "../../../src/orchestrator/served.ts"
import { deliver } from "../../../src/orchestrator/tell/deliver.ts"
import { tellsOf } from "../../../src/orchestrator/tell/receivers.ts"
import { Outbox } from "../../../src/services/Outbox.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import { hookReceiver } from "../../support/hookReceiver.ts"
import { tempDir } from "../../support/tempDir.ts"

const TOKEN = "89abcdef0123456789abcdef0123456789abcdef"
const SECRET = "notify-secret-0123456789"

/** A forge, a receiver, an outbox in a file, and what sends, as often as it is begun. */
const makeSending = Effect.fnUntraced(function* (formats: ReadonlyArray<"json" | "slack" | "ntfy">) {
  const receiver = yield* hookReceiver
  const forge = yield* GiteaSimulator.make({
    users: [{ login: "bot", token: TOKEN }],
    repos: [
      {
        owner: "ada",
        name: "cellar",
        collaborators: { bot: "write" },
        issues: [{ number: 17, title: "Door", body: "", author: "ada" }],
      },
    ],
  })
  const configuration = yield* decodeConfiguration("orchestrator.yaml", {
    forge: { api: forge.apiUrl, token: { env: "T" } },
    repositories: { "ada/*": null },
    notify: formats.map((format) => ({
      // Slack's address is a secret itself.
      url: format === "slack" ? { env: "URL" } : receiver.url,
      format,
      events: ["blocked", "failed"],
      ...(format === "json" && { secret: { env: "S" } }),
    })),
  })
  const served = servedBy(configuration, { token: Redacted.make(TOKEN) })
  const issue = {
    forge: forge.apiUrl,
    owner: "ada",
    repo: "cellar",
    issueNumber: IssueNumber.make(17),
  }
  const filename = join(yield* tempDir, "outbox.db")
  const outbox = Context.get(yield* Layer.build(SqliteOutbox.layer({ filename })), Outbox)
  const secretAt = (key: string) =>
    key.endsWith(".secret") ? Redacted.make(SECRET) : Redacted.make(receiver.url)
  const begin = Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const context = yield* Layer.buildWithScope(
      Layer.merge(SqliteOutbox.layer({ filename }), GiteaForges.layer),
      scope,
    )
    yield* deliver({ configuration, served, secretAt, poll: "20 millis", firstDelay: 20 }).pipe(
      Effect.provide(context),
      Scope.extend(scope),
    )
    return { close: Scope.close(scope, Exit.void) }
  })
  return {
    receiver,
    forge,
    issue,
    outbox,
    begin,
    put: (event: "blocked" | "limit", id: string, reason = "it waits") =>
      outbox.put(
        noticesOf(tellsOf(configuration), event, id, { issue, slug: "door-abcde", run: 2, reason, at: 0 }),
        0,
      ),
    idle: outbox
      .due(Number.MAX_SAFE_INTEGER, 100)
      .pipe(
        Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced("20 millis") }),
        Effect.timeout("20 seconds"),
      ),
  }
})

it.scopedLive(
  "each notice reaches a receiver that fails half of the time, across a restart, and once is enough",
  () =>
    Effect.gen(function* () {
      const sending = yield* makeSending(["json"])
      const { receiver } = sending
      const names = Array.from({ length: 20 }, (_, index) => `n${index}`)
      yield* Effect.forEach(names, (name) => sending.put("blocked", name))
      // Known already, and wanted by nobody.
      yield* sending.put("blocked", "n3")
      yield* sending.put("limit", "nobody")
      receiver.answer(500)
      const { close } = yield* sending.begin
      yield* Effect.repeat(
        Effect.sync(() => receiver.received.length),
        {
          until: (count) => count >= 20,
          schedule: Schedule.spaced("10 millis"),
        },
      )
      yield* close
      const before = receiver.received.length
      const taken = new Map<string, number>()
      receiver.answer((count) => {
        if (count % 2 === 0) return 503
        const id = receiver.received.at(-1)?.headers["x-bot-bottle-delivery"] ?? ""
        taken.set(id, (taken.get(id) ?? 0) + 1)
        return 200
      })
      yield* sending.begin
      yield* sending.idle
      expect([...taken.keys()].map((id) => id.split("@")[0]).toSorted()).toEqual(names.toSorted())
      expect([...taken.values()].every((times) => times === 1)).toBe(true)
      expect(receiver.received.length).toBeGreaterThan(before + 20)
      for (const { headers, raw } of receiver.received) {
        const hex = createHmac("sha256", SECRET).update(raw).digest("hex")
        expect(headers["x-bot-bottle-signature"]).toBe(`sha256=${hex}`)
        expect(JSON.parse(raw)).toMatchObject({
          version: 1,
          event: "blocked",
          issue: { owner: "ada", number: 17, url: expect.stringMatching(/\/ada\/cellar\/issues\/17$/) },
          slug: "door-abcde",
          run: 2,
        })
      }
    }),
)

it.scopedLive("Slack and ntfy get their own forms, in which a reason is neither markup nor a header", () =>
  Effect.gen(function* () {
    const sending = yield* makeSending(["slack", "ntfy"])
    yield* sending.put("blocked", "one", `<!channel> & \u001b[31m\nX-Evil: 1 ${"a".repeat(9000)}`)
    yield* sending.begin
    yield* sending.idle
    const bodies = sending.receiver.received.map(({ raw }) => raw)
    const slack = bodies.find((raw) => raw.startsWith("{")) ?? ""
    expect(JSON.parse(slack)).toEqual({
      text: expect.stringMatching(
        /^<http:\S+\/ada\/cellar\/issues\/17\|ada\/cellar#17> is blocked: &lt;!channel&gt; &amp; /,
      ),
    })
    const ntfy = sending.receiver.received.find(({ raw }) => !raw.startsWith("{"))
    expect(ntfy?.headers).toMatchObject({ title: "ada/cellar#17 is blocked", tags: "blocked" })
    expect(ntfy?.headers).not.toHaveProperty("x-evil")
    for (const raw of bodies) {
      expect(raw).not.toContain("\u001b")
      expect(raw.length).toBeLessThan(800)
    }
  }),
)

it.scopedLive("a reaction is made once though its answer was lost; what takes none is given up", () =>
  Effect.gen(function* () {
    const { forge, issue, outbox, begin, idle } = yield* makeSending([])
    const reaction = (id: string, comment: number | null, content: "eyes" | "confused") => ({
      id,
      body: Reaction.make({ issue, comment, content }),
    })
    yield* forge.as("ada").comment({ owner: "ada", repo: "cellar", number: 17 }, "Mend it.")
    const it = forge.state.issue("ada", "cellar", 17)
    const comment = it?.comments[0]
    forge.failNext({ kind: "status", status: 502, path: "/reactions", times: 3 })
    yield* outbox.put(
      [
        reaction("a", null, "confused"),
        reaction("b", comment?.id ?? 0, "eyes"),
        reaction("gone", 999_999, "eyes"),
      ],
      0,
    )
    yield* begin
    yield* idle
    const bot = forge.state.ensureUser("bot").id
    expect(it?.reactions).toMatchObject([{ userId: bot, content: "confused" }])
    expect(comment?.reactions).toMatchObject([{ userId: bot, content: "eyes" }])
  }),
)
