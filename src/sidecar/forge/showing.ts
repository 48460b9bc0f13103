/** What others wrote on the forge, as text for people and agents: quoted, so that no line of it passes for the neck's own. */
import type { Issue } from "../../domain/Forge.ts"
import { neutral } from "../../domain/Neutral.ts"

/** Line breaks, of which `neutral` shows the rest: form feeds, vertical tabs, NEL, a carriage return alone. */
const LINE_BREAK = /\r\n|[\n\u2028\u2029]/

/** A text from the forge, each line with `> ` before it: no line of it can be taken for one of the neck's own. */
export const quoted = (text: string): string =>
  text
    .split(LINE_BREAK)
    .map((line) => `> ${neutral(line)}`)
    .join("\n")

/** A text from the forge within a line of the neck's own. */
export const inline = (text: string): string => neutral(text.split(LINE_BREAK).join(" "))

/** A login within a header of the neck's own. It is one word; one that is not could hold what comes behind it there. */
export const oneWord = (login: string): string =>
  login === "" ? "(nobody)" : inline(login).replaceAll(/\s/g, "\ufffd")

/** Who wrote something, for a header of the neck's own. */
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

/** Title and body, the last lines. */
export const showTexts = (issue: Issue): string =>
  `title:\n${quoted(issue.title)}\nbody:\n${quoted(issue.body)}`
