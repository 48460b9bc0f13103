/** Attachments as an attacker would have them: too large, somewhere else, or with lies about themselves. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import { once } from "node:events"
import { numbered } from "../../contracts/Forge.ts"
import { simulated, TOKEN } from "../../support/gitea.ts"

const BYTES_MAX = 64 * 1024

const attached = Effect.gen(function* () {
  const { forge, state, sim } = yield* simulated({ answerBytesMax: BYTES_MAX })
  const repo = state.repo("acme", "tool")
  if (repo === undefined) return yield* Effect.dieMessage("no repository")
  const issue = numbered(repo, 17)
  return {
    sim,
    attach: (content: Uint8Array | string) => state.attach(issue, { name: "x", content }),
    read: (id: number) => forge.readAttachment(17, id),
    fetched: () => sim.requests.filter(({ path }) => path.startsWith("/attachments/")),
  }
})

/** A server that nothing should speak to. */
const elsewhere = Effect.acquireRelease(
  Effect.promise(async () => {
    const asked: Array<string> = []
    const server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization}`)
      response.end("theirs")
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    return { asked, server, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}` }
  }),
  ({ server }) => Effect.sync(() => (server.closeAllConnections(), server.close())),
)

it.scoped("one that says it is too large is not asked for", () =>
  Effect.gen(function* () {
    const { attach, read, fetched } = yield* attached
    const one = attach("small")
    one.size = 100 * 1024 * 1024
    expect(yield* Effect.flip(read(one.id))).toMatchObject({
      reason: "Malformed",
      shown: `the attachment ${one.id} of #17 is larger than 0.0625 MiB, which is as much as can be read here`,
    })
    expect(fetched()).toEqual([])
  }),
)

it.scoped("one that is larger than it says is given up", () =>
  Effect.gen(function* () {
    const { attach, read } = yield* attached
    const whole = attach(new Uint8Array(BYTES_MAX).fill(7))
    expect((yield* read(whole.id)).data).toHaveLength(4 * Math.ceil(BYTES_MAX / 3))
    const one = attach(new Uint8Array(100 * 1024 * 1024))
    one.size = 10
    expect((yield* Effect.flip(read(one.id))).shown).toContain("is larger than")
  }),
)

it.scoped("no redirect is followed, and nothing is asked of the address that it has in texts", () =>
  Effect.gen(function* () {
    const other = yield* elsewhere
    const { attach, read, sim, fetched } = yield* attached
    const stored = attach("here")
    stored.redirect = `${other.url}/bucket?signature=1`
    expect(yield* Effect.flip(read(stored.id))).toMatchObject({
      reason: "Moved",
      shown: "the forge keeps attachments on another server, which is not contacted",
    })
    const linked = attach("here")
    linked.link = `${other.url}/attachments/${linked.uuid}`
    expect(Buffer.from((yield* read(linked.id)).data, "base64").toString()).toBe("here")
    expect(other.asked).toEqual([])
    expect(fetched().map(({ user }) => user)).toEqual(["bot", "bot"])
    expect(JSON.stringify(yield* Effect.flip(read(stored.id)))).not.toContain(TOKEN)
    expect(sim.requests.every(({ method }) => method === "GET")).toBe(true)
  }),
)
