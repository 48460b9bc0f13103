import { createHmac } from "node:crypto"
import { readFileSync, readdirSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { Either, FastCheck, Option } from "effect"
import { webhookHint } from "../../../src/domain/orchestrator/Webhook.ts"

interface Delivery {
  readonly step: string
  readonly headers: Readonly<Record<string, string>>
  readonly raw: string
}

const folder = new URL("../../fixtures/gitea/webhooks/", import.meta.url)
const deliveries = readdirSync(folder)
  .sort()
  .map((file) => {
    const { step, headers, raw } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Delivery
    return { file, step, headers, raw }
  })

const hintOf = ({ headers, raw }: Delivery) =>
  Either.map(webhookHint(headers["x-gitea-event-type"] ?? "", JSON.parse(raw)), Option.getOrNull)
const told = (eventType: string, body: unknown) =>
  Either.match(webhookHint(eventType, body), {
    onLeft: ({ path, problem }) => [path, problem],
    onRight: Option.match({ onNone: () => "none", onSome: (hint): unknown => hint }),
  })

const repository = { id: 5, name: "cellar", full_name: "acme/cellar", owner: { id: 1, login: "acme" } }

describe("recorded deliveries", () => {
  it("are 33, each signed over its bytes", () => {
    expect(deliveries).toHaveLength(33)
    for (const { headers, raw } of deliveries)
      expect(createHmac("sha256", "s3cret-of-the-hook").update(raw).digest("hex")).toBe(
        headers["x-gitea-signature"],
      )
  })

  it("give one hint for each event of an issue or pull request, and none for others", () => {
    const brief = deliveries.map((delivery) => {
      const hint = Either.getOrThrow(hintOf(delivery))
      return hint === null
        ? `${delivery.file.slice(0, 2)} -`
        : `${delivery.file.slice(0, 2)} ${hint.kind} ${hint.owner}/${hint.repo}#${hint.number ?? hint.sha?.slice(0, 7)} ${hint.action} by ${hint.actor.login}${hint.isPull ? " pull" : ""}${hint.merged === true ? " merged" : ""}${hint.textEdited ? " text" : ""}`
    })
    expect(brief).toEqual([
      "01 issue ada/w5574255#3 opened by ada",
      "02 -",
      "03 -",
      "04 label ada/w5574255#3 label_updated by ada",
      "05 assign ada/w5574255#3 assigned by ada",
      "06 assign ada/w5574255#4 assigned by ada",
      "07 issue ada/w5574255#4 opened by ada",
      "08 label ada/w5574255#4 label_updated by ada",
      "09 issue ada/w5574255#3 edited by ada text",
      "10 comment ada/w5574255#3 created by cellar-bot",
      "11 comment ada/w5574255#3 created by ada",
      "12 -",
      "13 -",
      "14 pull ada/w5574255#5 opened by cellar-bot pull",
      "15 comment ada/w5574255#5 created by ada pull",
      "16 review ada/w5574255#5 reviewed by wendy pull",
      "17 review ada/w5574255#5 reviewed by ada pull",
      "18 review ada/w5574255#5 reviewed by ada pull",
      "19 comment ada/w5574255#5 created by mallory pull",
      "20 -",
      "21 pull-head ada/w5574255#5 synchronized by cellar-bot pull",
      "22 status ada/w5574255#005e481 failure by ada",
      "23 label ada/w5574255#3 label_updated by ada",
      "24 assign ada/w5574255#3 unassigned by ada",
      "25 issue ada/w5574255#3 closed by ada",
      "26 issue ada/w5574255#3 reopened by ada",
      "27 pull ada/w5574255#5 closed by ada pull",
      "28 pull ada/w5574255#5 reopened by ada pull",
      "29 pull ada/w5574255#5 closed by ada pull merged",
      "30 issue ada/w5574255#3 closed by ada",
      "31 -",
      "32 -",
      "33 -",
    ])
  })

  it("name a comment with its author, and the repository by its lasting id", () => {
    const comment = deliveries.find(({ file }) => file.startsWith("19-"))
    expect(comment && Either.getOrThrow(hintOf(comment))).toMatchObject({
      repositoryId: 17,
      comment: { id: 205, author: { login: "mallory" } },
    })
  })
})

describe("webhookHint", () => {
  it("gives none for unknown events, whatever their body", () => {
    for (const type of [
      "",
      "repository",
      "wiki",
      "release",
      "workflow_run",
      "__proto__",
      "constructor",
      "toString",
    ])
      expect(told(type, null)).toBe("none")
  })

  it("takes nulls and missing fields for nothing", () => {
    expect(
      told("issue_label", { repository: { full_name: "acme/cellar", owner: null }, issue: { number: 3 } }),
    ).toEqual({
      kind: "label",
      owner: "acme",
      repo: "cellar",
      repositoryId: 0,
      number: 3,
      isPull: false,
      action: "",
      actor: { login: "", id: 0 },
      textEdited: false,
    })
    expect(
      told("pull_request", {
        action: null,
        repository,
        sender: null,
        pull_request: { number: 4, merged: null, head: null },
        changes: null,
      }),
    ).toMatchObject({ kind: "pull", number: 4, merged: false })
    expect(
      told("issue_comment", {
        repository,
        issue: { number: 3 },
        comment: { id: 9, user: null },
        is_pull: null,
      }),
    ).toMatchObject({ comment: { id: 9, author: { login: "", id: 0 } }, isPull: false })
  })

  it("says where a malformed one is wrong, and quotes nothing of it", () => {
    expect(told("issues", null)).toEqual(["", expect.any(String)])
    expect(told("issues", { repository })).toEqual(["issue", "is missing"])
    expect(told("issues", { repository, issue: { number: "3" } })).toEqual(["issue.number", "must be number"])
    expect(told("issues", { repository, issue: { number: -3 } })).toEqual([
      "issue.number",
      "must be a positive whole number",
    ])
    expect(told("issues", { repository: { name: "x" }, issue: { number: 3 } })).toEqual([
      "repository",
      "must be a repository with owner and name",
    ])
    for (const full_name of ["a/b/c", "a", "/b", ""])
      expect(told("issues", { repository: { full_name }, issue: { number: 3 } })).toEqual([
        "repository",
        expect.any(String),
      ])
    const secret = "s3cret-in-the-body"
    const failed = webhookHint("issues", { repository: { ...repository, id: secret }, issue: { number: 3 } })
    expect(Either.isLeft(failed) && failed.left.message).not.toContain(secret)
    expect(Either.isLeft(failed) && failed.left.message).toContain("repository.id")
  })

  it("never throws, whatever the body", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...deliveries.map(({ headers }) => headers["x-gitea-event-type"] ?? "")),
        FastCheck.anything(),
        FastCheck.constantFrom("action", "repository", "issue", "pull_request", "comment", "sender", "sha"),
        (type, any, key) => {
          webhookHint(type, any)
          webhookHint(type, {
            repository,
            issue: { number: 1 },
            comment: { id: 1 },
            pull_request: { number: 1 },
            sha: "a",
            [key]: any,
          })
        },
      ),
    )
  })
})
