/** The configured receivers of notices, and what is posted to each. */
import { Redacted } from "effect"
import { createHash, createHmac } from "node:crypto"
import { neutralLine } from "../../domain/Neutral.ts"
import type { Configuration } from "../../domain/orchestrator/Configuration.ts"
import type { Notice, Tells } from "../../domain/orchestrator/Outbox.ts"
import type { Post } from "./post.ts"

type Entry = Configuration["notify"][number]

/** The name of a receiver in stored messages. It contains no secret, and stays the same when other receivers are added or removed. */
const nameOf = ({ url, format }: Entry): string =>
  createHash("sha256")
    .update(JSON.stringify([url, format]))
    .digest("hex")
    .slice(0, 12)

/** Which receivers get which notices. */
export const tellsOf = ({ notify, acknowledge }: Configuration): Tells => ({
  acknowledge: acknowledge === "reaction",
  receivers: notify.map((entry) => ({ name: nameOf(entry), events: entry.events })),
})

/** A receiver. */
export interface Receiver {
  readonly format: Entry["format"]
  readonly url: Redacted.Redacted
  readonly secret: Redacted.Redacted | undefined
}

/** The receiver with that name; undefined when it is no longer configured. `secretAt` returns secrets by key. */
export const receiverOf = (
  { notify }: Configuration,
  secretAt: (key: string) => Redacted.Redacted | undefined,
  name: string,
): Receiver | undefined => {
  const index = notify.findIndex((entry) => nameOf(entry) === name)
  const entry = notify[index]
  if (entry === undefined) return undefined
  const url = typeof entry.url === "string" ? Redacted.make(entry.url) : secretAt(`notify.${index}.url`)
  if (url === undefined) return undefined
  return { format: entry.format, url, secret: secretAt(`notify.${index}.secret`) }
}

/** Longest reason in characters: it may quote an engine or a forge. */
const REASON_MAX = 500

const TITLES: Readonly<Record<Notice["event"], string>> = {
  blocked: "is blocked",
  failed: "failed",
  limit: "is at a limit",
  approval: "asks for approval",
  "set-aside": "is set aside",
  finished: "is finished",
}

/** The body that is posted for a notice. `url` is the issue's address on the forge. */
export const postOf = (
  { format, secret }: Pick<Receiver, "format" | "secret">,
  { id, notice, url }: { readonly id: string; readonly notice: Notice; readonly url: string },
): Post => {
  const { event, issue, slug, run, at } = notice
  const name = `${issue.owner}/${issue.repo}#${issue.issueNumber}`
  const text = neutralLine(notice.reason)
  const reason = text.length > REASON_MAX ? `${text.slice(0, REASON_MAX)}...` : text
  if (format === "slack") {
    const body = JSON.stringify({ text: `<${url}|${name}> ${TITLES[event]}: ${escaped(reason)}` })
    return { contentType: JSON_TYPE, headers: {}, body }
  }
  if (format === "ntfy")
    return {
      contentType: "text/plain; charset=utf-8",
      headers: {
        title: `${name} ${TITLES[event]}`,
        tags: event,
        click: url,
      },
      body: reason,
    }
  const { forge, owner, repo, issueNumber } = issue
  const body = JSON.stringify({
    version: 1,
    id,
    event,
    at: new Date(at).toISOString(),
    issue: { forge, owner, repo, number: issueNumber, url },
    slug,
    run,
    reason,
  })
  return {
    contentType: JSON_TYPE,
    headers: {
      "x-bot-bottle-event": event,
      "x-bot-bottle-delivery": id,
      ...(secret !== undefined && {
        "x-bot-bottle-signature": `sha256=${createHmac("sha256", Redacted.value(secret)).update(body).digest("hex")}`,
      }),
    },
    body,
  }
}

const JSON_TYPE = "application/json"

/** Slack reads these three as markup: `<!channel>` would notify everybody. */
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
