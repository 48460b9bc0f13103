/** The door of the HTTP interface: judges each request, signs browsers in and out, and lets operators through. */
import * as OpenApi from "@effect/platform/OpenApi"
import { Effect, FiberSet } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { SignIns } from "../../../services/SignIns.ts"
import type { AnswerOperator } from "../serveApi.ts"
import { ServiceApi } from "../ServiceApi.ts"
import { admit, type DoorOptions, isRead, type Refusal, type Refused, refusedByHeaders } from "./admit.ts"
import { dashboardFiles } from "./dashboard.ts"
import { makeAttempts } from "./attempts.ts"
import { SAFE_HEADERS } from "./headers.ts"
import { homePage, strangerPage } from "./pages.ts"
import { type DoorAnswer, signIn, signOut } from "./signIn.ts"

/** Answers a request, and drops the rest of its body. */
export type Reply = (answer: DoorAnswer) => void

/** Handles requests that are neither webhooks nor health checks. */
export type HandleOperator = (request: IncomingMessage, response: ServerResponse, reply: Reply) => void

/** What the door needs besides names and tokens. */
export interface OpenDoor extends DoorOptions {
  readonly answer: AnswerOperator
  readonly refused: (reason: Refusal | "sign-in") => Effect.Effect<void>
  /** Folder of the files of the dashboard; without it there is a page of links. */
  readonly dashboard?: string | undefined
}

/** The handler, until the scope ends. */
export const openDoor = Effect.fnUntraced(function* ({ answer, refused, ...options }: OpenDoor) {
  const signIns = yield* SignIns
  const run = yield* FiberSet.makeRuntime<never>()
  const signInOptions = { tokens: options.tokens, byToken: makeAttempts(), byCode: makeAttempts() }
  const page = options.dashboard === undefined ? () => undefined : dashboardFiles(options.dashboard)
  const openApi = JSON.stringify(OpenApi.fromApi(ServiceApi))

  const own = (operator: string, request: IncomingMessage): Effect.Effect<DoorAnswer, Failed> | undefined => {
    const path = pathOf(request)
    if (path === "/sign-out" && request.method === "POST")
      return Effect.provideService(signOut(operator, request, isSecure(request)), SignIns, signIns)
    if (!isRead(request)) return undefined
    if (path === "/openapi.json")
      return Effect.succeed({ status: 200, type: "application/json", body: openApi })
    const file = page(path)
    if (file !== undefined) return Effect.succeed(file)
    if (path === "/")
      return Effect.succeed({ status: 200, type: "text/html; charset=utf-8", body: homePage(operator) })
    return undefined
  }

  const judged = (request: IncomingMessage, response: ServerResponse, reply: Reply) =>
    Effect.gen(function* () {
      const wrong = refusedByHeaders(options, request)
      if (wrong !== undefined) return yield* refuse(wrong, request, reply)
      const entering = isPath(request) ? signIn(signInOptions, request, isSecure(request)) : undefined
      if (entering !== undefined) {
        const entered = yield* entering
        if (entered.status === 401 || entered.status === 429) yield* refused("sign-in")
        return reply(entered)
      }
      const found = yield* admit(options, request)
      if ("reason" in found) return yield* refuse(found, request, reply)
      if (!isPath(request)) return yield* refuse(NOT_A_PATH, request, reply)
      const { operator } = found
      const answered = own(operator, request)
      if (answered !== undefined) return reply(yield* answered)
      const still = Effect.map(admit(options, request), (it) => !("reason" in it)).pipe(
        // A store that does not respond is no reason to think otherwise.
        Effect.orElseSucceed(() => true),
        Effect.provideService(SignIns, signIns),
      )
      answer({ name: operator, still }, request, response)
    }).pipe(
      Effect.provideService(SignIns, signIns),
      Effect.catchAll((error) =>
        Effect.zipRight(
          Effect.logWarning(`a request of an operator failed: ${error.message}`),
          Effect.sync(() =>
            reply(json(503, "Unavailable", "it does not respond: the service's log says why")),
          ),
        ),
      ),
    )

  const refuse = ({ reason, status, tag, message }: Refused, request: IncomingMessage, reply: Reply) =>
    Effect.map(refused(reason), () =>
      reply(
        status === 401 && wantsPage(request)
          ? { status, type: "text/html; charset=utf-8", body: strangerPage(), headers: BEARER }
          : { ...json(status, tag, message), ...(status === 401 && { headers: BEARER }) },
      ),
    )

  const handle: HandleOperator = (request, response, reply) => {
    for (const [name, value] of Object.entries(SAFE_HEADERS)) response.setHeader(name, value)
    run(judged(request, response, reply))
  }
  return handle
})

interface Failed {
  readonly message: string
}

const BEARER = { "www-authenticate": "Bearer" }

const NOT_A_PATH: Refused = {
  reason: "malformed",
  status: 400,
  tag: "BadRequest",
  message: "the target of a request is a path",
}

const json = (status: number, _tag: string, message: string): DoorAnswer => ({
  status,
  type: "application/json",
  body: JSON.stringify({ _tag, message }),
})

const pathOf = (request: IncomingMessage): string => (request.url ?? "").split("?")[0] ?? ""

/** Not a whole URL, and not one without its scheme. */
const isPath = (request: IncomingMessage): boolean => /^\/(?!\/)/.test(request.url ?? "")

const wantsPage = (request: IncomingMessage): boolean =>
  isRead(request) && (request.headers.accept ?? "").includes("text/html")

/** The browser says how it reached the service. */
const isSecure = ({ headers: { origin } }: IncomingMessage): boolean => origin?.startsWith("https:") === true
