/** Applies secretlint's rules to a text that comes in chunks. Directives in the text that disable rules are ignored. */
import { lintSource } from "@secretlint/core"
import { rules as recommended } from "@secretlint/secretlint-rule-preset-recommend"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { privateKeys } from "./privateKeys.ts"

/** A finding of a rule. */
export interface RuleFinding {
  readonly line: number
  readonly rule: string
  readonly digest: string
}

/** Without the rule that lets a comment in a file disable the others. */
const RULES = recommended
  .filter((rule) => rule.meta.id !== "@secretlint/secretlint-rule-filter-comments")
  .map((rule) => ({ id: rule.meta.id, rule }))

/** How much is scanned at once. Each window begins with the end of the last one, so that a match across two windows is found. */
const PIECE_BYTES = 256 * 1024
const OVERLAP_BYTES = 8 * 1024

/** A search through one text. */
export interface RuleSearch {
  readonly push: (bytes: Uint8Array) => Effect.Effect<ReadonlyArray<RuleFinding>>
  readonly end: Effect.Effect<ReadonlyArray<RuleFinding>>
}

/** Starts a search. */
export const startRules = (): RuleSearch => {
  const seen = new Set<string>()
  let waiting: Array<Uint8Array> = []
  let size = 0
  let line = 1
  const look = (keep: number) =>
    Effect.suspend(() => {
      const bytes = Buffer.concat(waiting)
      const first = line
      const rest = Math.max(0, bytes.length - keep)
      for (const byte of bytes.subarray(0, rest)) if (byte === 10) line += 1
      waiting = [bytes.subarray(rest)]
      size = bytes.length - rest
      return Effect.map(lint(bytes.toString("latin1")), (found) =>
        found
          .map((finding) => ({ ...finding, line: finding.line + first - 1 }))
          .filter(({ line: at, rule, digest }) => {
            const key = `${at} ${rule} ${digest}`
            return !seen.has(key) && seen.add(key)
          }),
      )
    })
  return {
    push: (bytes) =>
      Effect.suspend(() => {
        waiting.push(bytes)
        size += bytes.length
        return size < PIECE_BYTES ? Effect.succeed([]) : look(OVERLAP_BYTES)
      }),
    end: Effect.suspend(() => (size === 0 ? Effect.succeed([]) : look(0))),
  }
}

/** Scans a whole text, with one character for each byte. */
export const lint = (content: string): Effect.Effect<ReadonlyArray<RuleFinding>> =>
  Effect.map(
    Effect.promise(() =>
      lintSource({
        source: { filePath: "object.txt", content, ext: ".txt", contentType: "text" },
        options: { config: { rules: RULES }, noPhysicFilePath: true },
      }),
    ),
    ({ messages }) => [
      ...messages.map(({ loc, ruleId, range }) => ({
        line: loc.start.line,
        rule: ruleId.replace(/^@secretlint\//, ""),
        digest: digestOf(content.slice(range[0], range[1])),
      })),
      ...privateKeys(content)
        .filter(({ start, end }) => !messages.some(({ range }) => range[0] < end && start < range[1]))
        .map(({ line, body }) => ({ line, rule: "private-key", digest: digestOf(body) })),
    ],
  )

const digestOf = (text: string): string => createHash("sha256").update(text, "latin1").digest("hex")
