/** Passes a request on to an upstream and its response back, as they arrive, with backpressure. */
import { Effect, Either } from "effect"
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http"
import { afterBody, answerEarly } from "./afterBody.ts"
import { holdLast } from "./holdLast.ts"

/** A response of our own in place of the upstream's. */
export interface OwnAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
  /** For the operation log. */
  readonly reason: string
}

/** Decides, once the request's body has been read, whether its end is passed on. Called back with the response if it is not. */
export type Admission = (done: (refusal: OwnAnswer | undefined) => void) => void

/** How a request is passed on. */
export interface Passing {
  /** The problem, in words for the agent: the beginning of its line. */
  readonly name: string
  /** The response headers, as one list of names and values. */
  readonly headers: (answer: IncomingMessage) => Array<string>
  /** Why there is no response; never an error's own text, which contains addresses and what was sent. */
  readonly reasonOf: (error: NodeJS.ErrnoException) => string
  /** How long both directions may be silent: the upstream's own timeout, for messages. */
  readonly idleMs: number
  /** Called for every chunk that passes. */
  readonly passed: () => void
  /** Until it agrees, the last piece of the request's body is held back, and the upstream cannot act on it. */
  readonly admission?: Admission | undefined
  /** Called when the request's body is being passed on, to read it too. */
  readonly asked?: ((request: IncomingMessage) => void) | undefined
  /** Called when the response is being passed back, to read it too. */
  readonly answered?: ((answer: IncomingMessage) => void) | undefined
}

/** How a call ended. */
export interface Exchanged {
  /** Status of the upstream's response; 0 when there was none. */
  readonly status: number
  /** Bytes of the bodies. */
  readonly sent: number
  readonly received: number
  /** Why it is incomplete. */
  readonly failure?: string
  /** It was refused here, and the upstream did not get all of the request. */
  readonly refused?: boolean
}

/** The failure of a call that its agent did not wait for. */
export const AGENT_LEFT = "the agent went away"

/**
 * Passes on everything but the end of the response, which `finish` sends after what must happen before. Never fails: a problem is in
 * its result, and was sent to the agent.
 */
export const passOn = (
  call: Passing,
  upstream: ClientRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }> =>
  Effect.async<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }>((resume) => {
    const seen = { status: 0, sent: 0, received: 0, timedOut: false, over: false, refused: false }
    const end = (failure: string | undefined, finish: () => void) => {
      if (seen.over) return
      seen.over = true
      request.unpipe()
      const { status, sent, received, refused } = seen
      const ended = {
        status,
        sent,
        received,
        ...(failure !== undefined && { failure }),
        ...(refused && { refused }),
      }
      resume(Effect.succeed({ ended, finish: Effect.sync(finish) }))
    }
    /** A response in progress can only be cut off. */
    const fail = (reason: string) =>
      end(reason, () => {
        upstream.destroy()
        if (response.headersSent) response.destroy()
        else answerEarly(request, response, seen.timedOut ? 504 : 502, `${call.name}: ${reason}\n`)
      })

    const refuse = ({ status, text, type, headers, reason }: OwnAnswer) => {
      seen.refused = true
      end(reason, () => {
        upstream.destroy()
        if (response.headersSent) return void response.destroy()
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
        answerEarly(request, response, status, text, type)
      })
    }

    upstream.on("timeout", () => {
      seen.timedOut = true
      fail(`the upstream said nothing for ${Math.round(call.idleMs / 1000)} s`)
    })
    upstream.on("error", (error: NodeJS.ErrnoException) => fail(call.reasonOf(error)))
    upstream.on("upgrade", (_, socket) => {
      socket.destroy()
      fail("the upstream answered with another protocol")
    })
    upstream.on("response", (answer) => {
      seen.status = answer.statusCode ?? 0
      // Node throws at values that its own parser accepts, such as a status of 000.
      const head = Either.try(() => response.writeHead(seen.status, call.headers(answer)).flushHeaders())
      if (Either.isLeft(head)) return fail("the upstream's answer is not one of HTTP")
      call.passed()
      answer.on("data", (chunk: Buffer) => {
        seen.received += chunk.length
        call.passed()
      })
      answer.on("end", () => {
        // An upstream may respond before it has read everything; it does not get the rest.
        if (!request.complete) upstream.destroy()
        end(undefined, () => afterBody(request, () => response.end()))
      })
      answer.on("close", () => fail("the upstream cut the answer off"))
      answer.on("error", () => undefined)
      answer.pipe(response, { end: false })
      call.answered?.(answer)
    })
    response.on("close", () => {
      upstream.destroy()
      end(AGENT_LEFT, () => undefined)
    })
    response.on("error", () => undefined)
    request.on("error", () => undefined)
    // The agent may have disconnected while the call waited for its log line.
    if (response.closed) {
      upstream.destroy()
      return end(AGENT_LEFT, () => undefined)
    }

    if (hasBody(request)) {
      request.on("data", (chunk: Buffer) => {
        seen.sent += chunk.length
        call.passed()
      })
      upstream.flushHeaders()
      const { admission } = call
      if (admission === undefined) request.pipe(upstream)
      else
        request
          .pipe(
            holdLast((passes) =>
              admission((refusal) => (refusal === undefined ? passes() : refuse(refusal))),
            ),
          )
          .pipe(upstream)
      call.asked?.(request)
    } else {
      upstream.end()
    }
  })

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || headers["content-length"] !== undefined
