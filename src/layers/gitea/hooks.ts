/** Webhooks of repositories and organisations on a Gitea. */
import { Effect, Option, Redacted, Schema } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import type { ForgeHook, ForgeHooks, HookPlace } from "../../services/ForgeHooks.ts"
import { flag, list, text } from "./answers.ts"
import { decode, type GiteaHttp } from "./http.ts"
import { sendOnce } from "./lostAnswer.ts"
import { collectPages } from "./reads.ts"

/** The events requested for a hook: `issues` and `pull_request` include all related events; a test delivery is a push. */
const ASKED = ["issues", "pull_request", "status", "push"]

/** The events that Gitea expands them to and that an orchestrator needs. */
const NEEDED = [
  "issues",
  "issue_assign",
  "issue_label",
  "issue_comment",
  "pull_request",
  "pull_request_assign",
  "pull_request_label",
  "pull_request_comment",
  "pull_request_review",
  "pull_request_sync",
  "status",
  "push",
]

/** A hook in a list. */
export const HookAnswer = Schema.Struct({
  id: Schema.Number,
  type: text,
  config: Schema.Struct({ url: text, content_type: text }),
  events: list(Schema.String),
  active: flag,
})
/** A hook in a list. */
export type HookAnswer = typeof HookAnswer.Type

/** A hook in forge-neutral form. */
export const toHook = ({ id, type, config, events, active }: HookAnswer): ForgeHook => ({
  id,
  url: config.url,
  isWhole:
    active &&
    type === "gitea" &&
    config.content_type === "json" &&
    NEEDED.every((event) => events.includes(event)),
})

/** The hooks of one Gitea. */
export const makeHooks = (http: GiteaHttp): ForgeHooks => {
  const callOf = (operation: string, place: HookPlace, rest = "") => ({
    operation,
    subject: `the webhooks of ${nameOf(place)}`,
    path: `${pathOf(place)}/hooks${rest}`,
  })

  const all = (operation: string, place: HookPlace) =>
    collectPages(
      (page) =>
        Effect.flatMap(
          http.readAnswer({ ...callOf(operation, place), query: { page, limit: 50 } }),
          (answer) => decode(callOf(operation, place), answer, Schema.NullOr(Schema.Array(HookAnswer))),
        ).pipe(Effect.map((hooks) => hooks ?? [])),
      operation,
    ).pipe(Effect.map((hooks) => hooks.map(toHook)))

  return {
    list: Effect.fn("ForgeHooks.list")((place: HookPlace) =>
      Effect.mapError(all("listHooks", place), hint(place)),
    ),
    create: Effect.fn("ForgeHooks.create")(
      function* (place: HookPlace, { url, secret }: Parameters<ForgeHooks["create"]>[1]) {
        const call = callOf("createHook", place)
        const known = new Set((yield* all("createHook", place)).map(({ id }) => id))
        const send = http
          .write({
            ...call,
            method: "POST",
            body: {
              type: "gitea",
              // Without `active` Gitea creates a hook that never delivers.
              active: true,
              events: ASKED,
              config: { url, content_type: "json", secret: Redacted.value(secret) },
            },
          })
          .pipe(Effect.flatMap((answer) => decode(call, answer, HookAnswer)))
        const look = Effect.map(all("createHook", place), (hooks) =>
          Option.fromNullable(hooks.find((hook) => hook.url === url && !known.has(hook.id))),
        )
        return (yield* sendOnce<{ readonly id: number }>(send, look)).id
      },
      (effect, place) => Effect.mapError(effect, hint(place)),
    ),
    remove: Effect.fn("ForgeHooks.remove")((place: HookPlace, id: number) =>
      http.remove(callOf("removeHook", place, `/${id}`)).pipe(
        Effect.catchIf(
          ({ reason }) => reason === "NotFound",
          () => Effect.void,
        ),
        Effect.mapError(hint(place)),
      ),
    ),
    test: Effect.fn("ForgeHooks.test")((place: Required<HookPlace>, id: number) =>
      http
        .write({ ...callOf("testHook", place, `/${id}/tests`), method: "POST", body: {}, expects: [204] })
        .pipe(Effect.asVoid, Effect.mapError(hint(place))),
    ),
  }
}

const nameOf = ({ owner, repo }: HookPlace): string => (repo === undefined ? owner : `${owner}/${repo}`)

const pathOf = ({ owner, repo }: HookPlace): string =>
  repo === undefined
    ? `orgs/${encodeURIComponent(owner)}`
    : `repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}`

/** Gitea shows hooks to administrators only, and returns 404 to others. */
const hint =
  (place: HookPlace) =>
  (error: ForgeRequestError): ForgeRequestError =>
    error.reason === "Forbidden" || error.reason === "NotFound" || error.reason === "Unauthorized"
      ? new ForgeRequestError({
          operation: error.operation,
          status: error.status,
          reason: error.reason,
          detail:
            place.repo === undefined
              ? `the webhooks of ${place.owner} take an owner of that organisation and a token with the scope write:organization, and a forge whose administrator allows webhooks`
              : `the webhooks of ${nameOf(place)} take an administrator of that repository and a token with the scope write:repository, and a forge whose administrator allows webhooks`,
        })
      : error
