/**
 * A forge of a kind of its own: a village keeps issues and comments, and has no pull requests, branches or keys. Its
 * service speaks HTTP:
 *
 *     GET  /me                             { login, id }
 *     GET  /OWNER/REPO/issues/N            { title, body, author, closed, comments: [{ id, user, body, at }] }
 *     POST /OWNER/REPO/issues/N/comments   { body } -> { id }
 *     PUT  /OWNER/REPO/issues/N            { body } -> {}
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import { AnswerRoom, ForgeRequestError, reasonOfStatus } from "bot-bottle"
import type { ForgeApi, ForgeKind, ForgeReason, ForgeTarget } from "bot-bottle"
import { Effect, Option, Schema, Stream } from "effect"

const ANSWER_BYTES_MAX = 1024 * 1024

const Me = Schema.Struct({ login: Schema.String, id: Schema.Number })
const IssueAnswer = Schema.Struct({
  title: Schema.String,
  body: Schema.String,
  author: Schema.String,
  closed: Schema.Boolean,
  comments: Schema.Array(
    Schema.Struct({ id: Schema.Number, user: Schema.String, body: Schema.String, at: Schema.String }),
  ),
})
const CommentAnswer = Schema.Struct({ id: Schema.Number })

/** Only what is written here reaches the agent or a log: an error of the client would hold the request and its token. */
const failure = (operation: string, status: number, reason: ForgeReason, detail: string) =>
  new ForgeRequestError({ operation, status, reason, detail, shown: detail })

const unsupported = (operation: string, reason: "NotFound" | "Undecidable" | "Refused") =>
  Effect.fail(failure(operation, 501, reason, "a village has no pull requests, branches, orgs or keys"))

/** One exchange, bounded in time and size. Redirects are not followed: they would take the token elsewhere. */
const ask =
  (target: ForgeTarget) =>
  <A, I>(
    operation: string,
    request: HttpClientRequest.HttpClientRequest,
    schema: Schema.Schema<A, I>,
  ): Effect.Effect<A, ForgeRequestError> =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const { within } = yield* AnswerRoom
      const { status, text } = yield* client
        .execute(HttpClientRequest.bearerToken(request, target.token))
        .pipe(
          Effect.flatMap((response) =>
            Effect.map(within(response.text, undefined), (text) => ({ status: response.status, text })),
          ),
          HttpIncomingMessage.withMaxBodySize(Option.some(ANSWER_BYTES_MAX)),
          Effect.mapError(() => failure(operation, 0, "Unreachable", "the village does not answer")),
        )
      if (status !== 200) {
        return yield* failure(operation, status, reasonOfStatus(status), `the village answers ${status}`)
      }
      return yield* Effect.mapError(Schema.decode(Schema.parseJson(schema))(text), () =>
        failure(operation, status, "Malformed", "the village's answer cannot be read"),
      )
    }).pipe(
      Effect.timeoutFail({
        duration: "30 seconds",
        onTimeout: () => failure(operation, 0, "Unreachable", "the village does not answer in time"),
      }),
      Effect.provide(NodeHttpClient.layer),
    )

const make = (target: ForgeTarget): ForgeApi => {
  const { owner, repo } = target
  const base = target.apiUrl.replace(/\/+$/, "")
  const asked = ask(target)
  const pathOf = (number: number) => `${base}/${owner}/${repo}/issues/${number}`
  const issue = (operation: string, number: number) =>
    asked(operation, HttpClientRequest.get(pathOf(number)), IssueAnswer)

  return {
    repository: { owner, repo },
    self: asked("self", HttpClientRequest.get(`${base}/me`), Me),
    readIssue: (number) =>
      Effect.map(issue("readIssue", number), ({ title, body, author, closed }) => ({
        number,
        title,
        body,
        state: closed ? "closed" : "open",
        author,
        authorId: 0,
        labels: [],
        assignees: [],
      })),
    // A village does not say who belongs to it: nobody's words are trusted.
    readComments: (number) =>
      Effect.map(issue("readComments", number), ({ comments }) =>
        comments.map(({ id, user, body, at }) => ({
          id,
          user,
          body,
          createdAt: at,
          updatedAt: "",
          authorTrusted: false,
        })),
      ),
    postComment: (number, body) =>
      Effect.map(
        asked(
          "postComment",
          HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(`${pathOf(number)}/comments`), { body }),
          CommentAnswer,
        ),
        ({ id }) => id,
      ),
    updateDescription: (number, body) =>
      asked(
        "updateDescription",
        HttpClientRequest.bodyUnsafeJson(HttpClientRequest.put(pathOf(number)), { body }),
        Schema.Struct({}),
      ),

    openPrs: Effect.succeed([]),
    getPrForIssue: () => Effect.succeedNone,
    readPr: () => unsupported("readPr", "NotFound"),
    readPrDetails: () => unsupported("readPrDetails", "NotFound"),
    readReviews: () => unsupported("readReviews", "NotFound"),
    readChecks: () => unsupported("readChecks", "NotFound"),
    listIssues: () => unsupported("listIssues", "Refused"),
    listAttachments: () => Effect.succeed([]),
    readAttachment: () => unsupported("readAttachment", "NotFound"),
    dependencies: () => Effect.succeed({ open: [], hidden: false }),
    timeline: () => unsupported("timeline", "Undecidable"),
    isPrOpen: () => unsupported("isPrOpen", "NotFound"),
    isGuardedBranch: () => unsupported("isGuardedBranch", "NotFound"),
    targetedIssues: () => Stream.unwrap(unsupported("targetedIssues", "Undecidable")),
    repositoryId: unsupported("repositoryId", "Undecidable"),
    isOrgMember: () => unsupported("isOrgMember", "Undecidable"),
    canWrite: () => unsupported("canWrite", "Undecidable"),
    listDeployKeys: unsupported("listDeployKeys", "Undecidable"),
    openPr: () => unsupported("openPr", "Refused"),
    createDeployKey: () => unsupported("createDeployKey", "Refused"),
    deleteDeployKey: () => unsupported("deleteDeployKey", "Refused"),
  }
}

/** Villages, for `Forges.layer({ village })`. Targets of the kind `village` come as values: it reads no variables. */
export const village: ForgeKind = {
  make: (target) => Effect.sync(() => make(target)),
  webUrl: (apiUrl) => apiUrl.replace(/\/+$/, ""),
}
