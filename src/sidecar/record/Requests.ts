/** Requests: what the agent of this run asked for, and what its approvals open. Nothing else at the neck widens a run. */
import { Array, Clock, Context, Effect, Layer, Option, Random } from "effect"
import { join } from "node:path"
import {
  type BottleRequest,
  DEFAULT_APPROVALS,
  type RequestDetail,
  RequestId,
  type RequestKind,
  detailText,
  opensIn,
  requestText,
} from "../../domain/AgentRequest.ts"
import { neutralLine } from "../../domain/Neutral.ts"
import { type Slug, SUFFIX_ALPHABET } from "../../domain/Slug.ts"
import type { FileFailure } from "../../files/files.ts"
import { type LogUnwritable, OperationLog } from "./OperationLog.ts"
import * as RequestFiles from "./RequestFiles.ts"

/** Why nothing is known about requests now: their files or the operation log cannot be used. */
export type RequestsUnusable = FileFailure | LogUnwritable

/** What the agent of a run asked for. */
export interface RequestsApi {
  /** The kinds that this run may ask for. */
  readonly kinds: ReadonlySet<RequestKind>
  /** Requests of this run, and those of earlier runs, oldest first. */
  readonly all: Effect.Effect<ReadonlyArray<BottleRequest>, RequestsUnusable>
  /** Adds a request. */
  readonly add: (detail: RequestDetail, reason: string) => Effect.Effect<BottleRequest, RequestsUnusable>
  /** The request of that ID for the agent. A decision counts in the run whose agent has read it. */
  readonly tell: (id: string) => Effect.Effect<Option.Option<BottleRequest>, RequestsUnusable>
  /** Whether an approval of that kind may come, or is there. False: nothing needs to be read. */
  readonly expects: (kind: RequestKind) => boolean
  /**
   * Takes what is approved and fits: from then on it is in force in this run and in no other. An approval of one connection is used up
   * by that. Empty: nothing is approved.
   */
  readonly take: (
    kind: RequestKind,
    fits: (detail: RequestDetail) => boolean,
  ) => Effect.Effect<ReadonlyArray<RequestDetail>, RequestsUnusable>
}

/** Requests of the run, for the parts of a sidecar. */
export class Requests extends Context.Tag("bot-bottle/sidecar/Requests")<Requests, RequestsApi>() {}

/** Requests of a bottle, in its state directory. */
export const layer = (options: {
  readonly stateDir: string
  readonly slug: Slug
  readonly run?: number | undefined
  /** The kinds that may be asked for. */
  readonly approvals?: ReadonlyArray<RequestKind> | undefined
}): Layer.Layer<Requests, FileFailure, OperationLog> =>
  Layer.effect(
    Requests,
    Effect.gen(function* () {
      const { stateDir, slug, run = 1, approvals = DEFAULT_APPROVALS } = options
      const directory = join(stateDir, RequestFiles.REQUESTS_FOLDER)
      const kinds = new Set(approvals)
      const files = RequestFiles.reader(directory)
      const log = yield* OperationLog
      // Only this sidecar adds requests: until then a call that is refused reads no file.
      const expected = new Set((yield* files.all).map(({ detail }) => detail.kind))
      const inTurn = Effect.unsafeMakeSemaphore(1).withPermits(1)
      /** The line comes first: what cannot be logged opens nothing. */
      const taking = Effect.fnUntraced(function* (request: BottleRequest) {
        if (request.decision === undefined || request.taken !== undefined) return request
        const { id, decision } = request
        const now = yield* Clock.currentTimeMillis
        yield* log.append({
          op: "approval",
          target: id,
          outcome: decision.verdict === "denied" ? "rejected" : "ok",
          ...(decision.verdict === "denied" && { reason: "denied" }),
          durationMs: 0,
          detail: decisionText(request),
        })
        const taken = { version: 1 as const, id, run, at: new Date(now).toISOString() }
        if (yield* RequestFiles.take(directory, taken)) return { ...request, taken }
        // Another run's sidecar was first.
        return Option.getOrElse(yield* files.read(id), () => request)
      })
      const add: RequestsApi["add"] = Effect.fnUntraced(function* (detail, reason) {
        expected.add(detail.kind)
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        while (true) {
          const request = { version: 1 as const, id: yield* mintId, slug, run, detail, reason, at }
          if (yield* RequestFiles.add(directory, request)) return { ...request, used: false }
        }
      })
      return {
        kinds,
        all: files.all,
        add,
        tell: (id) =>
          files.read(id).pipe(
            Effect.flatMap(
              Option.match({
                onNone: () => Effect.succeedNone,
                onSome: (request) => Effect.asSome(taking(request)),
              }),
            ),
            inTurn,
            Effect.uninterruptible,
          ),
        expects: (kind) => kinds.has(kind) && expected.has(kind),
        take: (kind, fits) =>
          !kinds.has(kind) || !expected.has(kind)
            ? Effect.succeed([])
            : Effect.gen(function* () {
                const details: globalThis.Array<RequestDetail> = []
                const found = (yield* files.all).filter(
                  (request) => request.detail.kind === kind && opensIn(request, run) && fits(request.detail),
                )
                const [once, forRun] = Array.partition(found, ({ decision }) => decision?.scope !== "once")
                for (const request of forRun)
                  if (opensIn(yield* taking(request), run)) details.push(request.detail)
                if (details.length > 0) return details
                for (const request of once) {
                  if (!opensIn(yield* taking(request), run)) continue
                  if (yield* RequestFiles.use(directory, request.id)) return [request.detail]
                }
                return details
              }).pipe(inTurn, Effect.uninterruptible),
      } satisfies RequestsApi
    }),
  )

const ID_LENGTH = 6

const mintId = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, SUFFIX_ALPHABET.length), ID_LENGTH),
  (digits) => RequestId.make(digits.map((digit) => SUFFIX_ALPHABET[digit]).join("")),
)

/** A decision in the words of the operation log. A question and its answer are not repeated there. */
const decisionText = ({ detail, decision }: BottleRequest): string => {
  const what = detail.kind === "question" ? "the question" : `${detail.kind} ${detailText(detail)}`
  const scope = decision?.scope === "once" ? ", for one connection" : ""
  return `${what} was ${decision?.verdict ?? "asked"} by ${neutralLine(decision?.by ?? "nobody")}${scope}`
}

/** A request in the words of the operation log. */
export const loggedText = (detail: RequestDetail): string =>
  detail.kind === "question" ? "question" : requestText({ detail })
