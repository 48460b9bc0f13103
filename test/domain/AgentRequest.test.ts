import { expect, it } from "vitest"
import { Either } from "effect"
import {
  type BottleRequest,
  RequestId,
  budgetOf,
  detailText,
  isBelow,
  opensIn,
  readDetail,
} from "../../src/domain/AgentRequest.ts"
import { Slug } from "../../src/domain/Slug.ts"

const read = (kind: Parameters<typeof readDetail>[0], text: string) =>
  Either.getOrElse(readDetail(kind, text), (problem) => problem)

it("a host is read in its one spelling, on port 443 unless given", () => {
  expect(read("egress", " API.Example.COM. ")).toEqual({ kind: "egress", host: "api.example.com", port: 443 })
  expect(read("egress", "api.example.com:8443")).toEqual({
    kind: "egress",
    host: "api.example.com",
    port: 8443,
  })
  expect(read("egress", "[2606:4700::1]:80")).toEqual({ kind: "egress", host: "2606:4700::1", port: 80 })
})

it("what is not one host cannot be asked for", () => {
  for (const text of [
    "",
    "*",
    "*.example.com",
    "https://example.com",
    "a.example b.example",
    "a.example,b.example",
    "a.example:0",
    "a.example:99999",
    "a.example:443:80",
    "user@a.example",
    "a.example/path",
    "a\u202e.example\n",
  ])
    expect([text, typeof read("egress", text)]).toEqual([text, "string"])
})

it("a path is read with the repository that it names, and never leads out of it", () => {
  expect(read("protected_path", ".gitea/workflows/")).toEqual({
    kind: "protected_path",
    repository: "",
    path: ".gitea/workflows",
  })
  expect(read("protected_path", "app:.gitea/workflows/ci.yml")).toEqual({
    kind: "protected_path",
    repository: "app",
    path: ".gitea/workflows/ci.yml",
  })
  for (const text of ["", "/", "/etc", "a/../b", "./a", "a//b", "..", "a\nb", "x".repeat(501)])
    expect([text, typeof read("protected_path", text)]).toEqual([text, "string"])
})

it("a budget has amounts of known kinds, each once", () => {
  expect(read("budget", "tokens 200000, cost=2.50,minutes 30")).toEqual({
    kind: "budget",
    tokens: 200000,
    cost: 2.5,
    minutes: 30,
  })
  for (const text of [
    "",
    "tokens",
    "tokens 0",
    "tokens -1",
    "tokens 1.5",
    "tokens 1, tokens 2",
    "calls 1",
    "cost 1e9",
  ])
    expect([text, typeof read("budget", text)]).toEqual([text, "string"])
  expect(
    budgetOf([
      { kind: "budget", tokens: 1, minutes: 5 },
      { kind: "question", text: "?" },
      { kind: "budget", tokens: 2, cost: 0.5 },
    ]),
  ).toEqual({ tokens: 3, cost: 0.5, minutes: 5 })
})

it("what an agent wrote is shown without what a terminal obeys", () => {
  expect(detailText({ kind: "question", text: "a\u001b[2Jb\nc\u202ed" })).toBe("a\u241b[2Jb c\\u{202e}d")
})

it("a path covers itself and what is below it, byte by byte", () => {
  expect(isBelow(".gitea", ".gitea/workflows/ci.yml")).toBe(true)
  expect(isBelow(".gitea/workflows/ci.yml", ".gitea/workflows/ci.yml")).toBe(true)
  for (const other of [".gitea2/x", ".Gitea/x", ".gitea /x", "a/.gitea/x", "gitea"])
    expect([other, isBelow(".gitea", other)]).toEqual([other, false])
})

it("an approval opens in one run only, and nothing else opens", () => {
  const id = RequestId.make("abcdef")
  const slug = Slug.make("door-abcde")
  const at = "2027-01-01T00:00:00.000Z"
  const asked: BottleRequest = {
    version: 1,
    id,
    slug,
    run: 1,
    detail: { kind: "question", text: "?" },
    reason: "",
    at,
    used: false,
  }
  const decided = (verdict: "approved" | "denied" | "answered"): BottleRequest => ({
    ...asked,
    decision: { version: 1, id, verdict, by: "ada", at },
  })
  const taken = { version: 1 as const, id, run: 2, at }
  expect(opensIn(asked, 1)).toBe(false)
  expect(opensIn(decided("denied"), 1)).toBe(false)
  expect(opensIn(decided("answered"), 1)).toBe(false)
  expect(opensIn(decided("approved"), 1)).toBe(true)
  expect(opensIn({ ...decided("approved"), taken }, 2)).toBe(true)
  expect(opensIn({ ...decided("approved"), taken }, 1)).toBe(false)
  expect(opensIn({ ...decided("approved"), taken }, 3)).toBe(false)
  expect(opensIn({ ...decided("approved"), taken, used: true }, 2)).toBe(false)
})
