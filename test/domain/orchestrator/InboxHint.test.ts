/** Ids of hints and operations, and hints of recorded webhooks as the inbox keeps them. */
import { describe, expect, it } from "@effect/vitest"
import { DateTime, Either, Option } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import {
  deliveryHintId,
  endHintId,
  InboxHint,
  operationHintId,
  routedHintId,
  sweepHintId,
  webhookInboxHint,
} from "../../../src/domain/orchestrator/InboxHint.ts"
import { IssueNumber, issueId, operationId } from "../../../src/domain/orchestrator/IssueKey.ts"
import { dayOf } from "../../../src/domain/orchestrator/Usage.ts"
import { webhookHint } from "../../../src/domain/orchestrator/Webhook.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { issue } from "../../support/life.ts"

const folder = new URL("../../fixtures/gitea/webhooks/", import.meta.url)
const source = {
  id: Option.getOrThrow(deliveryHintId("b5a1a1c2-0000")),
  forge: issue().forge,
  receivedAt: 1,
}

describe("ids", () => {
  it("of the same issue are the same in every spelling of its names, and differ by forge", () => {
    expect(issueId(issue(17, { owner: "ACME" }))).toBe(issueId(issue()))
    expect(issueId(issue(17, { forge: "https://other.example/api/v1" }))).not.toBe(issueId(issue()))
    expect(operationId(issue(17, { repo: "CELLAR" }), { generation: 2, step: 3 })).toBe(
      "https://git.example/api/v1/acme/cellar#17/2/3",
    )
  })

  it("of hints say where they are from: the sender of a delivery cannot take the id of another source", () => {
    const own = [
      endHintId(Slug.make("fix-abcde"), 3),
      sweepHintId(issue(), 1000),
      operationHintId(operationId(issue(), { generation: 1, step: 1 })),
      routedHintId(source.id, IssueNumber.make(17)),
    ]
    expect(own.slice(0, 3)).toEqual([
      "end:fix-abcde:3",
      "sweep:https://git.example/api/v1/acme/cellar#17@1000",
      "operation:https://git.example/api/v1/acme/cellar#17/1/1",
    ])
    for (const id of own)
      for (const delivery of [id, id.replace(/^delivery:/, "")])
        expect(Option.getOrNull(deliveryHintId(delivery))).not.toBe(id)
    for (const delivery of ["", "a b", "a#17", "a:b", "ä", "a\n", "x".repeat(101)])
      expect(deliveryHintId(delivery)).toEqual(Option.none())
  })
})

describe("hints of webhooks", () => {
  it("of every recorded delivery are kept whole", () => {
    const kept = readdirSync(folder).flatMap((file) => {
      const { headers, raw } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as {
        readonly headers: Readonly<Record<string, string>>
        readonly raw: string
      }
      const hint = Option.getOrNull(
        Either.getOrThrow(webhookHint(headers["x-gitea-event-type"] ?? "", JSON.parse(raw))),
      )
      if (hint === null) return []
      const row = Either.getOrThrow(webhookInboxHint(source, hint))
      const { kind, owner, repo, number, ...detail } = hint
      expect(row).toEqual(
        new InboxHint({
          ...source,
          kind,
          owner,
          repo,
          issueNumber: number === undefined ? null : IssueNumber.make(number),
          detail,
        }),
      )
      return [row]
    })
    expect(kept.length).toBeGreaterThan(20)
    expect(kept.some(({ kind, issueNumber }) => kind === "status" && issueNumber === null)).toBe(true)
  })

  it("are refused for a repository whose name could be read as more of an id", () => {
    const body = (full_name: string) => ({
      action: "opened",
      repository: { id: 5, full_name },
      issue: { number: 17 },
    })
    for (const name of ["acme/cel#lar", "ac me/cellar", "acme/cellar\u0000", `acme/${"x".repeat(101)}`]) {
      const hint = Option.getOrThrow(Either.getOrThrow(webhookHint("issues", body(name))))
      expect(Either.isLeft(webhookInboxHint(source, hint))).toBe(true)
    }
  })
})

it("the day of an instant is that of the budgets' time zone", () => {
  const zone = (name: string) => DateTime.zoneUnsafeMakeNamed(name)
  const at = Date.parse("2026-11-20T23:30:00Z")
  expect(dayOf(at, zone("UTC"))).toBe("2026-11-20")
  expect(dayOf(at, zone("Europe/Berlin"))).toBe("2026-11-21")
  expect(dayOf(at, zone("America/New_York"))).toBe("2026-11-20")
})
