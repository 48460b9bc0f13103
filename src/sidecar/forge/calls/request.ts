/** `request`: asks the operator for a host, a protected path, more budget or an answer. Nothing opens before a person approves. */
import { Effect, Either, Option, Schema } from "effect"
import { isIP } from "node:net"
import {
  DETAIL_MAX,
  REASON_MAX,
  REQUESTS_MAX,
  REQUEST_KINDS,
  type RequestDetail,
  RequestKind,
  detailText,
  readDetail,
  requestText,
} from "../../../domain/AgentRequest.ts"
import { forgeCommands } from "../../../domain/ForgeCommands.ts"
import { protectedBy } from "../../../domain/PushPolicy.ts"
import { isPublicAddress } from "../../outside/addresses.ts"
import { loggedText } from "../../record/Requests.ts"
import { CallFailure } from "../CallFailure.ts"
import { type CallContext, stamp, tellOrWarn } from "../callContext.ts"
import * as ForgeCall from "../ForgeCall.ts"
import { described, text } from "../parameters.ts"
import { RequestAnswer, answerOf, showRequest } from "../requestAnswer.ts"

const kinds = REQUEST_KINDS.join(", ")

/** The call. It returns at once: `request_status` waits for the decision. */
export const request = ForgeCall.makeLocal({
  usage: forgeCommands.request,
  description: `Ask the operator, who decides, for something that this run may not do or does not know. kind and detail: egress with HOST or HOST:PORT; protected_path with PATH or REPOSITORY:PATH; budget with how much more, such as "tokens 200000", "cost 2.50" (US dollars) or "minutes 30"; question with its text. Then call request_status with the returned id.`,
  params: Schema.Struct({
    kind: described(
      RequestKind.annotations({ message: () => ({ message: `must be one of ${kinds}`, override: true }) }),
      "What is asked for",
      { enum: [...REQUEST_KINDS] },
    ),
    detail: text(DETAIL_MAX, "The host, the path, the amount or the question"),
    reason: Schema.optional(text(REASON_MAX, "Why it is needed; required for all but a question")),
  }),
  success: RequestAnswer,
  writes: true,
  subject: ({ kind, detail }) =>
    Either.match(readDetail(kind, detail), { onLeft: () => kind, onRight: loggedText }),
  show: showRequest,
  serve: (context) => {
    const { asking } = context
    const { run } = asking
    const inTurn = Effect.unsafeMakeSemaphore(1).withPermits(1)
    return {
      check: ({ kind, detail, reason = "" }) =>
        Effect.gen(function* () {
          if (!asking.kinds.has(kind)) return yield* notListed(kind, [...asking.kinds])
          yield* asked(context, kind, detail)
          if (kind !== "question" && reason.trim() === "")
            return yield* invalid("reason: must say why it is needed: a person decides by it")
        }),
      run: ({ kind, detail: written, reason = "" }) =>
        Effect.gen(function* () {
          const detail = yield* asked(context, kind, written)
          const all = yield* asking.all
          const own = all.filter((it) => it.run === run)
          const same = own.find((it) => requestText(it) === requestText({ detail }))
          if (same !== undefined) {
            const told = Option.getOrElse(yield* asking.tell(same.id), () => same)
            return { answer: answerOf(told, run), detail: `asked for the same before, as ${same.id}` }
          }
          if (own.length >= REQUESTS_MAX) return yield* tooMany
          const made = yield* asking.add(detail, reason.trim())
          yield* tellOrWarn(context, {
            ...(yield* stamp(context)),
            kind: "request",
            run,
            id: made.id,
            request: kind,
            text: detailText(detail),
            reason: made.reason,
          })
          return { answer: answerOf(made, run), detail: `asked the operator, as ${made.id}` }
        }).pipe(inTurn, Effect.uninterruptible),
    }
  },
})

const invalid = (problem: string) =>
  new CallFailure({ kind: "params", message: `invalid params: ${problem}` })

/** What is asked for, as far as a person may approve it at all. */
const asked = Effect.fnUntraced(function* (
  { asking: { repositories } }: CallContext,
  kind: RequestKind,
  written: string,
): Effect.fn.Return<RequestDetail, CallFailure> {
  const detail = yield* Either.mapLeft(readDetail(kind, written), (problem) => invalid(`detail: ${problem}`))
  if (detail.kind === "egress" && isIP(detail.host) !== 0 && !isPublicAddress(detail.host))
    return yield* never("an address that is not public can only be opened by the manifest")
  if (detail.kind !== "protected_path") return detail
  const names = repositories.map(({ name }) => name).join(", ")
  const repository =
    detail.repository === "" && repositories.length === 1
      ? repositories[0]
      : repositories.find(({ name }) => name === detail.repository)
  if (repository === undefined)
    return yield* invalid(
      names === ""
        ? "detail: this bottle has no repository"
        : `detail: must name the repository, as in NAME:${detail.path}; this bottle has ${names}`,
    )
  if (protectedBy(repository.protectedPaths, detail.path) === undefined)
    return yield* invalid(`detail: ${repository.name} does not protect that path: push it without asking`)
  return { ...detail, repository: repository.name }
})

const never = (message: string) => new CallFailure({ kind: "scope", message, denied: message })

const notListed = (kind: RequestKind, kinds: ReadonlyArray<RequestKind>) =>
  never(
    `this run may not ask for ${kind}: ${
      kinds.length === 0 ? "it may ask for nothing" : `its manifest's approvals list ${kinds.join(", ")}`
    }`,
  )

const tooMany = new CallFailure({
  kind: "limit",
  message: `this run has made ${REQUESTS_MAX} requests and may make no more: go on without, or signal done with blocked`,
})
