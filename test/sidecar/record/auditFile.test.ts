/** What an audit counts in a log: calls, hosts, pushes with their commits and approvals, and refused secrets. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { join } from "node:path"
import { auditFile } from "../../../src/sidecar/record/auditFile.ts"
import type { OperationEntry } from "../../../src/sidecar/record/OperationChain.ts"
import * as OperationLog from "../../../src/sidecar/record/OperationLog.ts"
import { tempDir } from "../../support/tempDir.ts"

const line = (entry: Partial<OperationEntry>): OperationEntry => ({
  op: "git",
  target: "app push refs/heads/a",
  outcome: "ok",
  durationMs: 1,
  detail: "",
  ...entry,
})
const COMMIT = "a".repeat(40)
const OTHER = "b".repeat(40)
const APPROVAL = { plan: 3, comment: 4, by: "ada" }

const audited = (entries: ReadonlyArray<Partial<OperationEntry>>) =>
  Effect.gen(function* () {
    const path = join(yield* tempDir, "operations.jsonl")
    const log = yield* OperationLog.open(path)
    for (const entry of entries)
      expect(Either.isRight(yield* Effect.either(log.append(line(entry))))).toBe(true)
    return yield* auditFile(path)
  })

describe("the counts of a log", () => {
  it.scoped(
    "name each push that the upstream took, with its commits, the approval that it needed and the scanner",
    () =>
      Effect.gen(function* () {
        const { counts } = yield* audited([
          { phase: "begin", commits: [COMMIT], approval: APPROVAL, scanner: "secretlint 11.7.1" },
          { phase: "end", begin: 1 },
          { phase: "begin", commits: [OTHER] },
          { phase: "end", begin: 3, outcome: "failed", reason: "the upstream refused it" },
          { phase: "begin", commits: [OTHER] },
        ])
        expect(counts.pushes).toEqual([
          {
            line: 1,
            target: "app push refs/heads/a",
            commits: [COMMIT],
            approval: APPROVAL,
            scanner: "secretlint 11.7.1",
          },
        ])
        expect(counts.calls).toEqual({ git: { ok: 1, rejected: 0, failed: 1 } })
      }),
  )

  it.scoped("count what was refused because of a secret, whatever the secret was in", () =>
    Effect.gen(function* () {
      const refused = (reason: string) => ({ outcome: "rejected", reason }) as const
      const { counts } = yield* audited([
        refused("secrets found"),
        refused("a secret in what was pushed"),
        { ...refused("a secret in the text"), op: "post_comment" },
        refused("protected paths"),
        { target: "secrets found" },
      ])
      expect(counts.secretsRefused).toBe(3)
    }),
  )

  it.scoped("have so many names of calls and hosts and no more, whatever an agent makes up", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 150 }, (_, n) => ({
        op: "egress",
        target: `host-${n}.example:443`,
        outcome: "rejected" as const,
      }))
      const { counts } = yield* audited(many)
      expect(Object.keys(counts.egress)).toHaveLength(101)
      expect(counts.egress["others"]).toEqual({ ok: 0, rejected: 50, failed: 0 })
    }),
  )
})
