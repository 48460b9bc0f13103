/** Frames texts of other people in a prompt, each between two lines that no text can imitate. */
import { Option } from "effect"

/** A text of somebody, and its description: who wrote it, when, where. */
export interface PromptPart {
  readonly about: Readonly<Record<string, string | number | boolean>>
  readonly text: string
}

/** Framed parts. `fence` starts each line of the frame, and occurs in none of the texts. */
export interface Framed {
  readonly fence: string
  readonly text: string
}

/**
 * Each part after a line `<fence> begin {...}` and before a line `<fence> end`. The fence is derived from the parts alone, so that the
 * same parts give the same prompt, and derived again until no part contains it, in any case.
 */
export const frame = (parts: ReadonlyArray<PromptPart>): Framed => {
  const texts = parts.map(({ about, text }) => [JSON.stringify(about), text] as const)
  const fence = fenceOf(texts.flat().join("\n"))
  return {
    fence,
    text: texts.map(([about, text]) => `${fence} begin ${about}\n${text}\n${fence} end\n`).join(""),
  }
}

/** The parts of a framed text; none when it was not made by {@link frame}. */
export const unframe = ({ fence, text }: Framed): Option.Option<ReadonlyArray<PromptPart>> => {
  const parts: Array<PromptPart> = []
  for (let rest = text; rest !== "";) {
    const head = rest.indexOf("\n")
    const end = rest.indexOf(`\n${fence} end\n`, head)
    const begin = `${fence} begin `
    if (!rest.startsWith(begin) || head < 0 || end < 0) return Option.none()
    parts.push({ about: JSON.parse(rest.slice(begin.length, head)), text: rest.slice(head + 1, end) })
    rest = rest.slice(end + `\n${fence} end\n`.length)
  }
  return Option.some(parts)
}

const fenceOf = (content: string): string => {
  const lower = content.toLowerCase()
  for (let n = 0; ; n++) {
    const fence = `[${digest(`${n} ${content}`)}]`
    if (!lower.includes(fence.slice(1, -1))) return fence
  }
}

/** 64 bits of FNV-1a with two starts. It need not be secure: the caller checks that the content does not contain the fence. */
const digest = (text: string): string => {
  let [a, b] = [0x811c9dc5, 0x01234567]
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(i), 0x01000193)
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("")
}
