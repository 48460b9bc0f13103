/** Shows texts from the forge to people and agents, quoted so that no line can pass for the neck's own. */
import type { Issue } from "../../domain/Forge.ts"
import { neutral } from "../../domain/Neutral.ts"

/** Line breaks that split a text. `neutral` makes the other ones visible: form feed, vertical tab, NEL, a lone carriage return. */
const LINE_BREAK = /\r\n|[\n\u2028\u2029]/

/** A text from the forge with `> ` before each line: no line can be taken for the neck's own. */
export const quoted = (text: string): string =>
  text
    .split(LINE_BREAK)
    .map((line) => `> ${neutral(line)}`)
    .join("\n")

/** A text from the forge inside a line of the neck's own. */
export const inline = (text: string): string => neutral(text.split(LINE_BREAK).join(" "))

/** A login in a header of the neck's own. It must be one word, since another could imitate what follows it there. */
export const oneWord = (login: string): string =>
  login === "" ? "(nobody)" : inline(login).replaceAll(/\s/g, "\ufffd")

/** The author, for a header of the neck's own. */
export const byline = ({
  user,
  authorTrusted,
}: {
  readonly user: string
  readonly authorTrusted: boolean
}): string => `by ${oneWord(user)}${authorTrusted ? "" : " (not trusted)"}`

/** The first lines of an issue or a pull request. */
export const showHead = (issue: Issue): string =>
  [
    `#${issue.number}`,
    `state: ${issue.state}`,
    `author: ${inline(issue.author)}`,
    `labels: ${inline(issue.labels.join(", "))}`,
    `assignees: ${inline(issue.assignees.join(", "))}`,
  ].join("\n")

/** Title and body: the last lines. */
export const showTexts = (issue: Issue): string =>
  `title:\n${quoted(issue.title)}\nbody:\n${quoted(issue.body)}`
