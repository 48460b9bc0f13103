/** Attachments at the neck: in every protocol, and of nothing but the run's own repository. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as LiveForges from "../../../src/layers/forges.ts"
import { gitea } from "../../../src/sidecar/main.ts"
import { decodeDocument } from "../../../src/sidecar/SidecarDocument.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import { numbered } from "../../contracts/Forge.ts"
import { rpc, send } from "../../support/rpc.ts"
import { serve } from "../../support/serve.ts"
import { tempDir } from "../../support/tempDir.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"
const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex")

const start = Effect.gen(function* () {
  const directory = yield* tempDir
  const sim = yield* GiteaSimulator.make({
    users: [{ login: "bot", token: TOKEN }],
    orgs: [{ name: "bot-bottle", members: ["bot"] }],
    repos: [
      {
        owner: "ada",
        name: "cellar",
        collaborators: { bot: "write" },
        issues: [
          { number: 17, title: "The door", author: "ada", comments: [{ user: "eve", body: "look" }] },
          { number: 18, title: "The lock", author: "ada" },
        ],
      },
      {
        owner: "ada",
        name: "vault",
        private: true,
        collaborators: { bot: "write" },
        issues: [{ number: 17, title: "Secret", author: "ada" }],
      },
    ],
  })
  const socketPath = join(directory, "run", "neck", "neck.sock")
  const stateDir = join(directory, "state")
  const document = yield* decodeDocument(
    JSON.stringify({
      slug: "fix-abcde",
      socketPath,
      stateDir,
      forge: { apiUrl: sim.apiUrl, owner: "ada", repo: "cellar", token: TOKEN, issueNumber: 17 },
    }),
  )
  yield* serve(document).pipe(Effect.provide(LiveForges.layer({ gitea })))
  const [repo, vault] = ["cellar", "vault"].map((name) => sim.state.repo("ada", name))
  if (repo === undefined || vault === undefined) return yield* Effect.dieMessage("no repository")
  const issue = numbered(repo, 17)
  const [evesComment] = issue.comments
  if (evesComment === undefined) return yield* Effect.dieMessage("no comment")
  const call = (method: string, params: unknown) => rpc(socketPath, method, params)
  return {
    sim,
    issue,
    other: numbered(repo, 18),
    secret: numbered(vault, 17),
    evesComment,
    call,
    list: Effect.map(call("list_attachments", { number: 17 }), ({ result }) => result),
    read: (id: unknown) => call("read_attachment", { id }),
    contents: (id: string) =>
      Effect.map(
        send(socketPath, {
          path: "/mcp",
          body: JSON.stringify({
            jsonrpc: "2.0",
            id: 1,
            method: "tools/call",
            params: { name: "read_attachment", arguments: { id } },
          }),
        }),
        (answer) => (answer.json() as { result: { content: ReadonlyArray<object> } }).result.content,
      ),
    text: (command: string) =>
      Effect.map(send(socketPath, { path: `/forge/${command}` }), (answer) => answer.text),
    log: () => readFileSync(join(stateDir, "operations.jsonl"), "utf8"),
  }
})

it.scoped("attachments are listed, and models see images as such", () =>
  Effect.gen(function* () {
    const { sim, issue, evesComment, list, read, contents, text, log } = yield* start
    expect(yield* list).toEqual([])
    expect(yield* text("list-attachments?number=17")).toBe("no attachments\n")
    const shot = sim.state.attach(issue, { name: "door.png", content: PNG })
    const creak = sim.state.attach(evesComment, { name: "creak.txt", content: "créak\n> no\n" })
    const pack = sim.state.attach(evesComment, { name: "door.png", content: Uint8Array.from([0x50, 0, 1]) })
    const [one, two, three] = [shot, creak, pack].map(({ id }) => `17-${id}`)
    expect(yield* list).toMatchObject([
      { id: one, name: "door.png", size: 16, comment: null, user: "ada", authorTrusted: true },
      { id: two, name: "creak.txt", comment: evesComment.id, user: "eve", authorTrusted: false },
      { id: three, name: "door.png", comment: evesComment.id, user: "eve", authorTrusted: false },
    ])
    const shown = yield* text("list-attachments?number=17")
    expect(shown).toContain(`--- attachment ${one} (16 bytes) of the description by ada at `)
    expect(shown).toContain(`of comment ${evesComment.id} by eve (not trusted) at `)
    expect(shown).toContain("\n> creak.txt\n> http")

    const file = { name: "door.png", type: "image/png", size: 16, user: "ada", authorTrusted: true }
    expect((yield* read(one)).result).toEqual({ ...file, data: PNG.toString("base64") })
    expect(yield* contents(one ?? "")).toEqual([
      { type: "text", text: JSON.stringify(file) },
      { type: "image", data: PNG.toString("base64"), mimeType: "image/png" },
    ])
    expect(yield* contents(two ?? "")).toEqual([
      { type: "text", text: expect.stringContaining('"authorTrusted":false,"text":"créak\\n> no\\n"') },
    ])
    expect(yield* contents(three ?? "")).toEqual([
      { type: "text", text: expect.stringContaining("application/octet-stream") },
    ])
    expect(yield* text(`read-attachment?id=${one}`)).toBe(`${PNG.toString("base64")}\n`)
    expect(log()).toContain(`"detail":"read attachment ${shot.id} of #17 (16 bytes)"`)
  }),
)

it.scoped("what a stranger says of a file decides neither its folder nor its type", () =>
  Effect.gen(function* () {
    const { sim, evesComment, list, read } = yield* start
    const names = {
      "../../x": "x",
      "/etc/passwd": "passwd",
      "..\\..\\boot.ini": "boot.ini",
      "..": "attachment",
      "a/": "attachment",
      "\u001b[2Jdoor\n--- attachment\u202e.png": "[2Jdoor--- attachment.png",
    }
    for (const name of Object.keys(names)) {
      const one = sim.state.attach(evesComment, { name, content: "<script>alert(1)</script>" })
      one.type = "image/png"
      expect((yield* read(`17-${one.id}`)).result).toMatchObject({
        name: names[name as keyof typeof names],
        type: "text/plain",
      })
    }
    expect(((yield* list) as ReadonlyArray<{ name: string }>).map(({ name }) => name)).toEqual(
      Object.values(names),
    )
  }),
)

it.scoped("an id of another repository or another issue is refused, and nothing is fetched by it", () =>
  Effect.gen(function* () {
    const { sim, other, secret, read } = yield* start
    const theirs = sim.state.attach(secret, { name: "x", content: "secret" })
    const lock = sim.state.attach(other, { name: "y", content: "y" })
    for (const id of [`17-${theirs.id}`, `17-${lock.id}`, `999-${lock.id}`])
      expect(yield* read(id), id).toMatchObject({ error: { code: -32002, data: { status: 404 } } })
    for (const id of [
      "",
      "17",
      String(theirs.id),
      theirs.uuid,
      `http://127.0.0.1/attachments/${theirs.uuid}`,
      `../vault/17-${theirs.id}`,
      `17-${theirs.id}/../..`,
      `017-${lock.id}`,
      `17-${lock.id}\n`,
      "99999999999999999-1",
      17,
      null,
    ])
      expect(yield* read(id), String(id)).toMatchObject({ error: { code: -32602 } })
    expect((yield* read(`18-${lock.id}`)).result).toMatchObject({ name: "y" })
    expect(sim.requests.filter(({ path }) => path.startsWith("/attachments/"))).toHaveLength(1)
    expect(sim.requests.filter(({ path }) => path.includes("vault"))).toEqual([])
  }),
)

it.scoped("one that is too large is refused, whatever it says of its size", () =>
  Effect.gen(function* () {
    const { sim, issue, read } = yield* start
    const bomb = sim.state.attach(issue, { name: "bomb.png", content: new Uint8Array(100 * 1024 * 1024) })
    for (const size of [bomb.content.length, 16]) {
      bomb.size = size
      expect(yield* read(`17-${bomb.id}`)).toMatchObject({
        error: { code: -32002, message: expect.stringContaining("is larger than 4 MiB") },
      })
    }
  }),
)
