/**
 * The scanner process: reads objects from stdin and writes a line of JSON for each. If it hangs or runs out of memory, only this
 * process is lost.
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Schema, Stream } from "effect"
import { closeSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { type SecretSearch, secretMatcher } from "../../domain/SecretMatch.ts"
import { type FramePart, frameReader } from "../../domain/ScanFrames.ts"
import { KNOWN_SECRET, ScanConfig, THE_END, Scanned } from "./protocol.ts"
import { type RuleSearch, lint, startRules } from "./rules.ts"

interface Found {
  readonly line: number
  readonly rule: string
  readonly digest: string
}

/** The object that is being read. */
interface Reading {
  readonly object: string
  /** A tree is scanned as a list of its names. */
  readonly tree: Array<Uint8Array> | undefined
  readonly known: SecretSearch
  /** Only for a large object. */
  readonly rules: RuleSearch | undefined
  /** Bytes of a small object, which is scanned together with others. */
  readonly small: Array<Uint8Array> | undefined
  readonly file: number | undefined
  readonly found: Array<Found>
}

/** Scans stdin to its end. */
export const main: Effect.Effect<void> = Effect.gen(function* () {
  const read = frameReader()
  let config: typeof ScanConfig.Type = { secrets: [], rules: true }
  let matcher = secretMatcher([])
  let reading: Reading | undefined
  let count = 0
  const waiting: Array<Reading> = []

  const look = (it: Reading, bytes: Uint8Array) =>
    Effect.gen(function* () {
      if (it.file !== undefined) writeSync(it.file, bytes)
      for (const line of it.known.push(bytes)) it.found.push({ line, rule: KNOWN_SECRET, digest: "" })
      it.small?.push(bytes)
      if (it.rules !== undefined) it.found.push(...(yield* it.rules.push(bytes)))
    })
  const finish = (it: Reading) =>
    Effect.gen(function* () {
      if (it.tree !== undefined) yield* look(it, namesOf(Buffer.concat(it.tree)))
      if (it.file !== undefined) closeSync(it.file)
      reading = undefined
      waiting.push(it)
      if (it.rules !== undefined) it.found.push(...(yield* it.rules.end))
    })
  const take = (part: FramePart): Effect.Effect<void> => {
    switch (part.kind) {
      case "Config":
        config = Schema.decodeSync(ScanConfig)(part.text)
        matcher = secretMatcher(config.secrets)
        return Effect.void
      case "Begin":
        reading = {
          object: part.object,
          tree: part.type === "tree" ? [] : undefined,
          known: matcher(),
          rules: config.rules && part.size > SMALL_BYTES ? startRules() : undefined,
          small: config.rules && part.size <= SMALL_BYTES ? [] : undefined,
          file: config.extractTo === undefined ? undefined : openExtract(config.extractTo, count++),
          found: [],
        }
        return Effect.void
      case "Data":
        if (reading?.tree !== undefined)
          return Effect.sync(() => void reading?.tree?.push(part.bytes.slice()))
        return reading === undefined ? Effect.void : look(reading, part.bytes)
      case "End":
        return reading === undefined ? Effect.void : finish(reading)
      case "Broken":
        return Effect.dieMessage("the input is not a list of objects")
    }
  }
  yield* Stream.runForEach(NodeStream.stdin, (bytes) =>
    Effect.zipRight(
      Effect.forEach(read(bytes), take, { discard: true }),
      Effect.suspend(() => decide(waiting.splice(0))),
    ),
  )
  if (reading !== undefined) return yield* Effect.dieMessage("the input ends inside an object")
  yield* tell([{ object: THE_END, findings: [] }])
})

/** A call of the rules costs more than a small object does, so objects that arrived together are scanned as one text. */
const decide = (all: ReadonlyArray<Reading>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const small = all.filter((it) => it.small !== undefined)
    const texts = small.map((it) => Buffer.concat(it.small ?? []).toString("latin1"))
    const lines = texts.map((text) => text.split(LINE_END).length)
    const found = small.length === 0 ? [] : yield* lint(texts.join("\n"))
    let first = 1
    for (const [at, it] of small.entries()) {
      const after = first + (lines[at] ?? 1)
      for (const { line, rule, digest } of found)
        if (line >= first && line < after) it.found.push({ line: line - first + 1, rule, digest })
      first = after
    }
    if (all.length > 0)
      yield* tell(
        all.map(({ object, found: findings }) => ({ object, findings: findings.slice(0, FINDINGS_MAX) })),
      )
  })

/** Counts lines as the scanner does. */
const LINE_END = /\r\n|[\r\n\u2028\u2029]/

/** Waits until it is written: while its reader is busy, a pipe accepts only a part. */
const tell = (verdicts: ReadonlyArray<typeof Scanned.Type>): Effect.Effect<void> =>
  Effect.async((resume) => {
    const text = verdicts.map((verdict) => `${Schema.encodeSync(Scanned)(verdict)}\n`).join("")
    process.stdout.write(text, () => resume(Effect.void))
  })

const SMALL_BYTES = 64 * 1024

/** More findings make a report no clearer. */
const FINDINGS_MAX = 100

/** A leading line break hides from a scanner that the content is binary: some skip content that begins like an archive or an image. */
const openExtract = (directory: string, number: number): number => {
  const file = openSync(join(directory, String(number)), "wx", 0o600)
  writeSync(file, "\n")
  return file
}

const HASH_BYTES = 20

/** The names of a tree's entries (`<mode> <name>\0<hash>`), one on each line. */
const namesOf = (tree: Buffer): Uint8Array => {
  const names: Array<string> = []
  for (let at = 0; at < tree.length;) {
    const space = tree.indexOf(0x20, at)
    const end = tree.indexOf(0, space)
    if (space === -1 || end === -1) break
    names.push(tree.toString("latin1", space + 1, end))
    at = end + 1 + HASH_BYTES
  }
  return Buffer.from(names.join("\n"), "latin1")
}
