/** What the demo prints in addition to the agents' output: steps, the status of issues, and operation logs. */
import { Effect, Option, Schema, Stream } from "effect"
import { orchestrateStatus } from "../../programs/orchestrateStatus.ts"
import { readLogs } from "../../programs/readLogs.ts"
import { verifyProvenance } from "../../programs/verifyProvenance.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { OperationLogs } from "../../services/OperationLogs.ts"
import { OperationLine } from "../../domain/OperationLine.ts"
import { Slug } from "../../domain/Slug.ts"
import { type Line, bold, printLine, table } from "../output.ts"

/** A step of the story, and why it matters. */
export const step = (title: string, why: string): Effect.Effect<void> =>
  printLine(["", bold(`== ${title}`), `   ${why}`, ""])

/** Prints lines indented. */
export const lines = (text: ReadonlyArray<Line>): Effect.Effect<void> =>
  printLine(
    text.map((line) => ({
      parts: ["   ", ...(typeof line === "object" && "parts" in line ? line.parts : [line])],
    })),
  )

/** The agent's output in one run. */
export const showOutput = Effect.fn("showOutput")(function* (slug: string, run: number) {
  const text = yield* readLogs(slug, { run }).pipe(Stream.decodeText(), Stream.mkString)
  yield* lines(text.trimEnd().split("\n"))
})

/** Which bottle handles which issue, and its current state. */
export const showStatus = Effect.gen(function* () {
  const runs = new Map((yield* (yield* BottleStore).all).map(({ slug, run }) => [slug, run]))
  yield* lines(
    table(
      ["ISSUE", "PULL REQUEST", "BOTTLE", "IS", "RUN", "SAID"],
      (yield* orchestrateStatus()).map(({ issueUrl, prUrl, slug, state, done }) => [
        numberOf(issueUrl),
        Option.match(prUrl, { onNone: () => "-", onSome: numberOf }),
        slug,
        state,
        String(runs.get(slug) ?? "-"),
        Option.match(done, { onNone: () => "-", onSome: ({ status, summary }) => `${status}: ${summary}` }),
      ]),
    ),
  )
})

/** `#17` from an address that ends with the number. */
const numberOf = (url: string): string => `#${url.replace(/^.*\D/, "")}`

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text)

/** The operation log of a bottle, and whether its chain is intact. */
export const showLog = Effect.fn("showLog")(function* (name: string) {
  const slug = Slug.make(name)
  const log = yield* (yield* OperationLogs).log(slug)
  const entries = yield* Effect.forEach(log, (line) => Schema.decode(Schema.parseJson(OperationLine))(line))
  yield* lines(
    table(
      ["SEQ", "OPERATION", "TARGET", "OUTCOME"],
      entries.map(({ seq, op, target, phase, outcome, reason }) => [
        String(seq),
        op,
        target,
        shortened([phase, outcome, reason].filter((word) => word !== undefined).join(" ")),
      ]),
    ),
  )
  const { ok, lines: count, head } = yield* verifyProvenance(slug)
  yield* lines([`chain of ${slug}: ${ok ? "whole" : "BROKEN"}, ${count} lines, head ${head.slice(0, 16)}...`])
})
