/** The scanner as a process of its own: objects come on stdin, a line of JSON goes out for each; what hangs or bursts is only this process. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Schema, Stream } from "effect"
import { closeSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { type SecretSearch, secretMatcher } from "../../domain/SecretMatch.ts"
import { type FramePart, frameReader } from "./frames.ts"
import { KNOWN_SECRET, ScanConfig, THE_END, Verdict } from "./protocol.ts"
import { type RuleSearch, startRules } from "./rules.ts"

interface Found {
  readonly line: number
  readonly rule: string
  readonly digest: string
}

/** An object that is being read. */
interface Reading {
  readonly object: string
  /** A tree is looked at as a list of its names. */
  readonly tree: Array<Uint8Array> | undefined
  readonly known: SecretSearch
  readonly rules: RuleSearch | undefined
  readonly file: number | undefined
  readonly found: Array<Found>
}

/** Scans what comes on stdin until its end. */
export const main: Effect.Effect<void> = Effect.gen(function* () {
  const read = frameReader()
  let config: typeof ScanConfig.Type = { secrets: [], rules: true }
  let matcher = secretMatcher([])
  let reading: Reading | undefined
  let count = 0

  const look = (it: Reading, bytes: Uint8Array) =>
    Effect.gen(function* () {
      if (it.file !== undefined) writeSync(it.file, bytes)
      for (const line of it.known.push(bytes)) it.found.push({ line, rule: KNOWN_SECRET, digest: "" })
      if (it.rules !== undefined) it.found.push(...(yield* it.rules.push(bytes)))
    })
  const finish = (it: Reading) =>
    Effect.gen(function* () {
      if (it.tree !== undefined) yield* look(it, namesOf(Buffer.concat(it.tree)))
      if (it.rules !== undefined) it.found.push(...(yield* it.rules.end))
      if (it.file !== undefined) closeSync(it.file)
      const verdict = { object: it.object, findings: it.found.slice(0, FINDINGS_MAX) }
      reading = undefined
      tell(verdict)
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
          rules: config.rules ? startRules() : undefined,
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
        return Effect.dieMessage("what came is not a list of objects")
    }
  }
  yield* Stream.runForEach(NodeStream.stdin, (bytes) => Effect.forEach(read(bytes), take, { discard: true }))
  if (reading !== undefined) return yield* Effect.dieMessage("what came ends within an object")
  tell({ object: THE_END, findings: [] })
})

const tell = (verdict: typeof Verdict.Type): void => {
  writeSync(1, `${Schema.encodeSync(Verdict)(verdict)}\n`)
}

/** More make a report no clearer. */
const FINDINGS_MAX = 100

/** A first line break hides from a scanner that it is binary: some pass over what begins as an archive or an image does. */
const openExtract = (directory: string, number: number): number => {
  const file = openSync(join(directory, String(number)), "wx", 0o600)
  writeSync(file, "\n")
  return file
}

const HASH_BYTES = 20

/** Of `<mode> <name>\0<hash>` for each entry: its name, one on each line. */
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
