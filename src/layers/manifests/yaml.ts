/** YAML 1.2 for manifests: plain data, no custom tags, no duplicate keys, no expansion. */
import { Effect } from "effect"
import type { CST } from "yaml"
import { LineCounter, parseDocument, Parser } from "yaml"
import type { ManifestInvalid } from "../../domain/Errors.ts"
import { fileInvalid } from "./readBounded.ts"

/** Largest size of YAML in one file, in bytes. Prompts are Markdown and do not count. */
export const YAML_MAX_BYTES = 64 * 1024

const MAX_DEPTH = 32
const MAX_ALIASES = 50

/** The text of a file. Fails when it is not UTF-8. */
export const decodeText = (file: string, bytes: Uint8Array): Effect.Effect<string, ManifestInvalid> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => fileInvalid(file, "expected text in UTF-8"),
  })

/**
 * The data of a YAML text; `null` for an empty one. `line` is the line of the file on which the text begins. Errors never quote the
 * text.
 */
export const parseYaml = Effect.fn("FileManifests.parseYaml")(function* (
  file: string,
  text: string,
  line = 1,
) {
  if (Buffer.byteLength(text) > YAML_MAX_BYTES)
    return yield* fileInvalid(file, `expected at most ${YAML_MAX_BYTES / 1024} KiB of YAML`)
  // The library recurses, and a stack overflow inside it can end the whole process.
  if (depthOf(text) > MAX_DEPTH)
    return yield* fileInvalid(file, `expected YAML nested at most ${MAX_DEPTH} deep`)
  const lines = new LineCounter()
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    resolveKnownTags: false,
    stringKeys: true,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: "error",
    lineCounter: lines,
  })
  // Warnings are tags and directives that the library would ignore.
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem !== undefined) {
    const at = lines.linePos(problem.pos[0]).line + line - 1
    return yield* fileInvalid(
      file,
      `expected YAML: ${problem.code.toLowerCase().replaceAll("_", " ")} on line ${at}`,
    )
  }
  // A file may declare YAML 1.1, which reads other texts as numbers and booleans.
  if (document.directives?.yaml.version !== "1.2") return yield* fileInvalid(file, "expected YAML 1.2")
  return yield* Effect.try({
    try: (): unknown => document.toJS({ maxAliasCount: MAX_ALIASES }),
    catch: () =>
      fileInvalid(file, `expected YAML with at most ${MAX_ALIASES} uses of aliases, each defined before`),
  })
})

/** Measures how deep the text nests, without recursion. */
const depthOf = (text: string): number => {
  let deepest = 0
  const todo: Array<{ readonly token: CST.Token; readonly depth: number }> = []
  const add = (token: CST.Token | null | undefined, depth: number) => {
    if (token != null) todo.push({ token, depth })
  }
  for (const token of new Parser().parse(text)) add(token, 0)
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { depth, token } = next
    deepest = Math.max(deepest, depth)
    if (token.type === "document") add(token.value, depth)
    if (!("items" in token)) continue
    for (const item of token.items) {
      add(item.key, depth + 1)
      add(item.value, depth + 1)
    }
  }
  return deepest
}
