/** The forge protocol as plain text, for images without a JSON tool: `POST /forge/<command>?...`, the body is the text to send. */
import { Effect, Schema } from "effect"
import { Comment, Issue, PullRequest } from "../../domain/Forge.ts"
import { neutral } from "../../domain/Neutral.ts"
import { CallFailure } from "./CallFailure.ts"
import { type Call, refuse } from "./Calls.ts"
import type { OperationLog } from "../record/OperationLog.ts"

/** What to answer: an HTTP status that `bin/forge` turns into its exit code, and a text for people and agents. */
export interface TextAnswer {
  readonly status: number
  readonly text: string
}

interface Command {
  readonly method: string
  /** Parameters of the query; the body is one more. */
  readonly query: ReadonlyArray<string>
  /** The parameter that the body is. */
  readonly body?: string
  readonly show: (answer: unknown) => string
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["read-issue", { method: "read_issue", query: ["number"], show: (answer) => showIssue(answer) }],
  ["read-pr", { method: "read_pr", query: ["number"], show: (answer) => showPr(answer) }],
  ["read-comments", { method: "read_comments", query: ["number"], show: (answer) => showComments(answer) }],
  [
    "post-comment",
    { method: "post_comment", query: ["number"], body: "body", show: (answer) => showId(answer) },
  ],
  [
    "update-description",
    { method: "update_description", query: ["number"], body: "body", show: () => "updated" },
  ],
  [
    "open-pr",
    {
      method: "open_pr",
      query: ["title", "head", "base"],
      body: "body",
      show: (answer) => showPrNumber(answer),
    },
  ],
  ["git-identity", { method: "git_identity", query: [], show: (answer) => showIdentity(answer) }],
  [
    "signal-done",
    { method: "signal_done", query: ["status", "summary"], body: "summary", show: () => "done" },
  ],
])

/** Runs the command of a path such as `/forge/read-issue?number=17`. */
export const runCommand = (
  name: string,
  query: URLSearchParams,
  body: string,
  calls: ReadonlyMap<string, Call>,
  log: OperationLog,
): Effect.Effect<TextAnswer> => {
  const command = COMMANDS.get(name)
  const call = command && calls.get(command.method)
  const made =
    command === undefined || call === undefined
      ? refuse(log, "forge", name.slice(0, 64), unknownCommand)
      : Effect.map(call.run(paramsOf(command, query, body)), (answer) => command.show(answer))
  return Effect.match(made, {
    onSuccess: (text) => ({ status: 200, text: `${text}\n` }),
    onFailure: (failure) => ({ status: STATUSES[failure.kind], text: `${failure.message}\n` }),
  })
}

const unknownCommand = new CallFailure({
  kind: "method",
  message: `no such command: known are ${[...COMMANDS.keys()].join(", ")}`,
})

const STATUSES: Readonly<Record<CallFailure["kind"], number>> = {
  request: 400,
  method: 404,
  params: 400,
  scope: 403,
  forge: 502,
  unreachable: 502,
  "no-forge": 502,
  secret: 400,
  limit: 429,
  internal: 500,
}

/** A key that is given twice, or is not known, becomes a parameter that no method takes. */
const paramsOf = (command: Command, query: URLSearchParams, body: string): Record<string, unknown> => {
  const given = [...query].map(([key, value]): [string, unknown] =>
    query.getAll(key).length > 1 || !command.query.includes(key)
      ? [`?${key}`, value]
      : [key, key === "number" ? numberOf(value) : value],
  )
  const params: Record<string, unknown> = Object.fromEntries(given)
  if (command.body !== undefined && params[command.body] === undefined)
    params[command.body] = textOf(command, body)
  return params
}

/** A summary comes from `echo`, with a newline that is not part of it; what is posted is sent unchanged. */
const textOf = (command: Command, body: string): string => (command.body === "summary" ? body.trim() : body)

const numberOf = (text: string): unknown => (/^[1-9]\d{0,15}$/.test(text) ? Number(text) : text)

const render =
  <A, I>(schema: Schema.Schema<A, I>, show: (value: A) => string) =>
  (answer: unknown): string =>
    show(Schema.decodeUnknownSync(schema)(answer))

/** Line breaks, of which `neutral` shows the rest: form feeds, vertical tabs, NEL, a carriage return alone. */
const LINE_BREAK = /\r\n|[\n\u2028\u2029]/

/** A text from the forge, each line with `> ` before it: no line of it can be taken for one of the neck's own. */
const quoted = (text: string): string =>
  text
    .split(LINE_BREAK)
    .map((line) => `> ${neutral(line)}`)
    .join("\n")

/** A text from the forge within a line of the neck's own. */
const inline = (text: string): string => neutral(text.split(LINE_BREAK).join(" "))

const head = (issue: Issue): string =>
  [
    `#${issue.number}`,
    `state: ${issue.state}`,
    `author: ${inline(issue.author)}`,
    `labels: ${inline(issue.labels.join(", "))}`,
    `assignees: ${inline(issue.assignees.join(", "))}`,
  ].join("\n")

const texts = (issue: Issue): string => `title:\n${quoted(issue.title)}\nbody:\n${quoted(issue.body)}`

const showIssue = render(Issue, (issue) => `${head(issue)}\n${texts(issue)}`)

const showPr = render(PullRequest, (pr) =>
  [
    head(pr),
    `merged: ${pr.merged ? "yes" : "no"}`,
    `draft: ${pr.draft ? "yes" : "no"}`,
    `head: ${inline(pr.head)}`,
    `base: ${inline(pr.base)}`,
    texts(pr),
  ].join("\n"),
)

const showComments = render(Schema.Array(Comment), (comments) =>
  comments.length === 0
    ? "no comments"
    : comments
        .map(
          ({ id, user, createdAt, authorTrusted, body }) =>
            `--- comment ${id} by ${user === "" ? "(nobody)" : nameOf(user)}${authorTrusted ? "" : " (not trusted)"} at ${inline(createdAt)}\n${quoted(body)}`,
        )
        .join("\n\n"),
)

/** A login is one word; one that is not could hold what comes behind it in a header. */
const nameOf = (login: string): string => inline(login).replaceAll(/\s/g, "\ufffd")

const showId = render(Schema.Struct({ id: Schema.Number }), ({ id }) => `posted comment ${id}`)

const showIdentity = render(
  Schema.Struct({ name: Schema.String, email: Schema.String }),
  ({ name, email }) => `${inline(name)}\n${inline(email)}`,
)

const showPrNumber = render(Schema.Struct({ number: Schema.Number }), ({ number }) => `PR #${number}`)
