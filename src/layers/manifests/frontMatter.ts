/** Markdown with YAML front matter: a first line `---`, YAML, a line `---`, and the body. */
import { Effect } from "effect"
import type { ManifestInvalid } from "../../domain/Errors.ts"
import { fileInvalid } from "./readBounded.ts"

/** The two parts of the text. Fails when there is no front matter, or no end of it. */
export const splitFrontMatter = (
  file: string,
  text: string,
): Effect.Effect<{ readonly front: string; readonly body: string }, ManifestInvalid> => {
  const lines = text.split("\n")
  const isFence = (line: string) => line.trimEnd() === "---"
  const end = lines.findIndex((line, n) => n > 0 && isFence(line))
  if (!isFence(lines[0] ?? ""))
    return Effect.fail(fileInvalid(file, 'expected front matter: a first line "---", keys, and a line "---"'))
  if (end < 0) return Effect.fail(fileInvalid(file, 'expected a line "---" that ends the front matter'))
  return Effect.succeed({
    front: lines.slice(1, end).concat("").join("\n"),
    body: lines.slice(end + 1).join("\n"),
  })
}
