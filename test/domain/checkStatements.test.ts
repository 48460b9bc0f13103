/** Statements that an accepted key signed, and that still do not belong to their log. */
import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import { checkStatements } from "../../src/domain/checkStatements.ts"
import type { LogPart, RunPredicate } from "../../src/domain/Provenance.ts"
import { statementOf } from "../../src/domain/Provenance.ts"
import { Slug } from "../../src/domain/Slug.ts"

const slug = Slug.make("door-abcde")
const partAt = (bytes: number): LogPart => ({
  bytes,
  lines: bytes / 10,
  head: "a".repeat(64),
  sha256: String(bytes).padStart(64, "0"),
})
const predicate = (run: number, log: LogPart): RunPredicate => ({
  slug,
  run,
  previousRun: run === 1 ? null : run - 1,
  agent: "worker",
  bottles: [],
  backend: "host",
  engine: null,
  imageDigest: null,
  launched: null,
  issues: [],
  startedAt: null,
  statedAt: "2027-01-01T00:00:00.000Z",
  exit: null,
  done: null,
  trouble: {},
  use: null,
  log,
  counts: { calls: {}, egress: {}, pushes: [], secretsRefused: 0 },
  version: "0.1.0",
})
/** What is found wrong in statements about a log of 100 bytes. */
const problemsOf = (...payloads: ReadonlyArray<object>) =>
  checkStatements(
    slug,
    payloads.map((payload) => ({ payload: JSON.stringify(payload), key: Option.some("k"), isSigned: true })),
    { partOf: (bytes) => (bytes <= 100 ? partAt(bytes) : undefined), lines: 10 },
  ).problems.map(({ problem }) => problem)
const stated = (run: number, log: LogPart) => statementOf(predicate(run, log))

describe("a signed statement", () => {
  it("that fits its log has no problem", () => {
    expect(problemsOf(stated(1, partAt(40)), stated(2, partAt(100)))).toEqual([])
  })

  const OTHER = /does not match the lines of the log/
  const log = partAt(100)
  it.each([
    ["whose subject is another log", { ...stated(1, log), subject: stated(1, partAt(40)).subject }, OTHER],
    ["without a subject", { ...stated(1, log), subject: [] }, OTHER],
    ["with another digest in its predicate", stated(1, { ...log, sha256: "b".repeat(64) }), OTHER],
    ["with another head", stated(1, { ...log, head: "b".repeat(64) }), OTHER],
    ["with another number of lines", stated(1, { ...log, lines: 9 }), OTHER],
    ["of another type", { ...stated(1, log), predicateType: "urn:other" }, /is not a statement about a run/],
    ["about more than the log", stated(1, partAt(110)), /was cut off/],
    ["about a later run, without the first", stated(2, log), /follows run 1, and not the beginning/],
  ])("%s is found", (_, statement, problem) => {
    expect(problemsOf(statement).join("\n")).toMatch(problem)
  })

  it("about less than the one before it, or about the same run again, is found", () => {
    expect(problemsOf(stated(1, log), stated(2, partAt(40)))).toEqual([
      expect.stringContaining("ends before the one before it"),
    ])
    expect(problemsOf(stated(1, log), stated(1, log))).toEqual([
      expect.stringContaining("follows no run, and not run 1"),
    ])
  })
})
