/** Texts of others in a prompt, each between two lines that no text can imitate. */
import { Option } from "effect"

/** A text of somebody, and what is said of it: who wrote it, when, where. */
export interface PromptPart {
  readonly about: Readonly<Record<string, string | number | boolean>>
  readonly text: string
}

/** Parts in a frame: `fence` begins each line that is not theirs, and is nowhere in their texts. */
export interface Framed {
  readonly fence: string
  readonly text: string
}

/**
 * The parts, each after a line `<fence> begin {...}` and before a line `<fence> end`. The fence is made from the parts alone, so that the
 * same parts give the same prompt, and tried anew until no part contains it, in any case.
 */
export const frame = (parts: ReadonlyArray<PromptPart>): Framed => {
  const texts = parts.map(({ about, text }) => [JSON.stringify(about), text] as const)
  const fence = fenceOf(texts.flat().join("\n"))
  return {
    fence,
    text: texts.map(([about, text]) => `${fence} begin ${about}\n${text}\n${fence} end\n`).join(""),
  }
}

/** The parts of a framed text; none when it is not what {@link frame} makes. */
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

/** 64 bits of FNV-1a with two starts: what counts is that the fence is not in the content, which is looked up. */
const digest = (text: string): string => {
  let [a, b] = [0x811c9dc5, 0x01234567]
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(i), 0x01000193)
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("")
}
