/** Finds mentions of issues in texts of a simulated Gitea, and records them in the issues' timelines. */
import type { GiteaState, SimComment, SimIssue, SimReference } from "./state.ts"
import { mayWrite } from "./state.ts"

/** A mention of an issue in a text; `repo` is `owner/name` when the text gives one. */
export interface Mention {
  readonly repo: string | undefined
  readonly number: number
  readonly keyword: "closes" | "reopens" | "none"
}

/** A keyword, at most one colon, exactly one space, then the number: "closes #1, #2" closes the first alone. */
const MENTION =
  /(?:^|[\s([])(?:(clos(?:e|es|ed)|fix(?:es|ed)?|resolv(?:e|es|ed))|(reopen(?:s|ed)?))?(:)?( )?([\w.-]+\/[\w.-]+)?[#!](\d+)\b/gi

/** The issues that a Markdown text names, outside of code. */
export const mentions = (markdown: string): ReadonlyArray<Mention> => {
  const text = markdown.replace(/```[\s\S]*?(?:```|$)/g, " ").replace(/`[^`\n]*`/g, " ")
  return [...text.matchAll(MENTION)].map(([, closes, reopens, , space, repo, number]) => {
    const keyword = closes !== undefined ? "closes" : reopens !== undefined ? "reopens" : "none"
    return { repo, number: Number(number), keyword: space === undefined ? "none" : keyword }
  })
}

/** Updates the timelines after a text was written or edited: of an issue, a pull request, or a comment. */
export const refer = (
  state: GiteaState,
  from: SimIssue,
  authorId: number,
  text: string,
  comment?: SimComment,
): void => {
  const type = comment !== undefined ? "comment_ref" : from.pull !== undefined ? "pull_ref" : "issue_ref"
  const wanted = new Map<SimIssue, SimReference["action"]>()
  for (const mention of mentions(text)) {
    const [owner = from.repo.owner, name = from.repo.name] = mention.repo?.split("/") ?? []
    const target = state.issue(owner, name, mention.number)
    if (target === undefined || target === from) continue
    const action = allowed(state, from, target, authorId, comment) ? mention.keyword : "none"
    if (wanted.get(target) !== "closes") wanted.set(target, action)
  }
  for (const repo of state.repos) {
    for (const target of repo.issues.values()) {
      for (const old of target.references) {
        if (old.from !== from || old.comment !== comment || old.action === "neutered") continue
        if (wanted.get(target) === old.action) wanted.delete(target)
        else old.action = "neutered"
      }
    }
  }
  for (const [target, action] of wanted) {
    target.references.push({
      id: state.nextId(),
      type,
      actorId: authorId,
      from,
      comment,
      action,
      createdAt: state.now(),
    })
  }
}

/** A pull request's own text closes issues of its repository. From a comment or another repository this requires write permission there. */
const allowed = (
  state: GiteaState,
  from: SimIssue,
  target: SimIssue,
  authorId: number,
  comment: SimComment | undefined,
): boolean => {
  if (from.pull === undefined) return false
  if (comment === undefined && from.repo === target.repo) return true
  return target.authorId === authorId || mayWrite(state.permission(target.repo, state.userById(authorId)))
}
