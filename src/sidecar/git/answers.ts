/** Responses below `/git/`. Failures are sent so that git shows them as messages of the remote. */
import { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { afterBody, answerEarly } from "../http/afterBody.ts"
import { FLUSH, pkt } from "./pktLine.ts"
import type { GitFailure } from "./GitFailure.ts"
import type { Upstream } from "./Upstream.ts"

/** The two services of git. */
export type Service = "git-upload-pack" | "git-receive-pack"

/** What a request asks for. */
export interface Asked {
  readonly upstream: Upstream
  readonly service: Service
  readonly kind: "refs" | "service"
}

/** Responds to a push, even one that was not read to its end. */
export const answer = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Effect.Effect<void> =>
  Effect.sync(() => {
    response.writeHead(200, {
      "content-type": "application/x-git-receive-pack-result",
      "cache-control": "no-cache",
      "content-length": body.length,
    })
    response.write(body)
    afterBody(request, () => response.end())
  })

/** Sends a failure so that git shows it as the remote's message. A response in progress can only be cut off. */
export const tell = (
  { service, kind }: Asked,
  request: IncomingMessage,
  response: ServerResponse,
  { reason, remote }: GitFailure,
): void => {
  if (response.headersSent) return void response.destroy()
  if (!request.complete) return answerEarly(request, response, 413, `bot-bottle: ${reason}\n`)
  const what = kind === "refs" ? "advertisement" : service === "git-upload-pack" ? "result" : undefined
  if (what === undefined) return answerEarly(request, response, 502, `bot-bottle: ${reason}\n`)
  const text = pkt(`ERR bot-bottle: ${[reason, ...remote].join(": ")}\n`)
  const body = kind === "refs" ? Buffer.concat([pkt(`# service=${service}\n`), FLUSH, text]) : text
  response.writeHead(200, {
    "content-type": `application/x-${service}-${what}`,
    "cache-control": "no-cache",
    "content-length": body.length,
  })
  response.end(body)
}

/** Interrupts an effect when the client of its response has gone. */
export const whileWaited = <E>(
  response: ServerResponse,
  effect: Effect.Effect<void, E>,
): Effect.Effect<void, E> =>
  Effect.raceFirst(
    effect,
    Effect.async<void>((resume) => {
      response.once("close", () => resume(Effect.void))
    }),
  )
