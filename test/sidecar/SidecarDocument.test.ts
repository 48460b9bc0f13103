/** The forge part of a sidecar's document: the documented keys, in one object, and the two values that they are. */
import { expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { decodeDocument, encodeDocument } from "../../src/sidecar/SidecarDocument.ts"

const forge = {
  apiUrl: "https://git.example/api/v1",
  owner: "ada",
  repo: "cellar",
  token: "a-token",
  issueNumber: 17,
}

const textOf = (part: object) =>
  JSON.stringify({ slug: "door-abcde", socketPath: "/run/neck.sock", stateDir: "/state", forge: part })

it.effect("is a target and an assignment; without a kind it is of a Gitea", () =>
  Effect.gen(function* () {
    const more = {
      prNumbers: [18],
      openedPrs: [19],
      org: "bots",
      trustOrg: "team",
      closingKeywords: ["zu"],
      base: "dev",
    }
    const document = yield* decodeDocument(textOf({ ...forge, ...more, push: ["refs/heads/x"] }))
    const { issueNumber, token, ...place } = forge
    expect(document.forge).toEqual({
      target: { kind: "gitea", ...place, token: Redacted.make(token) },
      assignment: { issueNumber, ...more },
      push: ["refs/heads/x"],
    })
    const written = encodeDocument({ ...document, routes: [], git: [] })
    expect(JSON.parse(written).forge).toEqual({ kind: "gitea", ...forge, ...more, push: ["refs/heads/x"] })
    expect(yield* decodeDocument(written)).toEqual(document)
    const custom = yield* decodeDocument(textOf({ ...forge, kind: "village" }))
    expect(custom.forge?.target.kind).toBe("village")
  }),
)

it.effect("that no forge can be is refused by its key, without its value", () =>
  Effect.gen(function* () {
    const wrong: ReadonlyArray<readonly [string, object]> = [
      ["forge.apiUrl", { apiUrl: "file:///etc" }],
      ["forge.owner", { owner: ".." }],
      ["forge.repo", { repo: "cellar/../mill" }],
      ["forge.token", { token: "a\r\nX-Evil: 1" }],
      ["forge.issueNumber", { issueNumber: 0 }],
      ["forge.watchdog", { watchdog: "30 minutes" }],
      ["forge.target", { target: {} }],
    ]
    for (const [key, change] of wrong) {
      const { message } = yield* Effect.flip(decodeDocument(textOf({ ...forge, ...change })))
      expect(message).toContain(`${key}: `)
      expect(message).not.toContain("X-Evil")
    }
  }),
)
