/** Passes a request on to an upstream and its response back, as they arrive, with backpressure. */
import { Effect, Either } from "effect"
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http"
import { afterBody, answerEarly } from "./afterBody.ts"
import type { KeptBody } from "./keptBody.ts"

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
  /** What happens after a response that refuses the call; absent: it passes as any other does. */
  readonly refusals?: Refusals
}

/** What happens after a response that refuses the call. */
export interface Refusals {
  readonly isRefused: (answer: IncomingMessage) => boolean
  /** Decides once for a call; calls back. */
  readonly decide: (decided: (decision: Decision) => void) => void
  /** The request's body, to send it again. */
  readonly body: KeptBody
}

/** After a refusal: the same request is sent again, the response is passed on, or replaced. */
export type Decision =
  | { readonly _tag: "Again"; readonly open: () => ClientRequest }
  | { readonly _tag: "Pass" }
  | { readonly _tag: "Replace"; readonly status: number; readonly text: string; readonly reason: string }

/** How a call ended. */
export interface Exchanged {
  /** Status of the upstream's response; 0 when there was none. */
  readonly status: number
  /** Bytes of the bodies. */
  readonly sent: number
  readonly received: number
  /** Why it is incomplete. */
  readonly failure?: string
}

/**
 * Passes on everything but the end of the response, which `finish` sends after what must happen before. Never fails: a problem is in
 * its result, and was sent to the agent.
 */
export const passOn = (
  call: Passing,
  first: ClientRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }> =>
  Effect.async<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }>((resume) => {
    const { refusals } = call
    const seen = { status: 0, sent: 0, received: 0, timedOut: false, over: false, refused: false }
    let upstream = first
    let deciding = false
    const end = (failure: string | undefined, finish: () => void) => {
      if (seen.over) return
      seen.over = true
      refusals?.body.drop()
      request.unpipe(upstream)
      const { status, sent, received } = seen
      const ended = { status, sent, received, ...(failure !== undefined && { failure }) }
      resume(Effect.succeed({ ended, finish: Effect.sync(finish) }))
    }
    /** A response in progress can only be cut off. */
    const fail = (reason: string) =>
      end(reason, () => {
        upstream.destroy()
        if (response.headersSent) response.destroy()
        else answerEarly(request, response, seen.timedOut ? 504 : 502, `${call.name}: ${reason}\n`)
      })

    const watch = (asked: ClientRequest) => {
      asked.on("timeout", () => {
        if (asked !== upstream) return
        seen.timedOut = true
        fail(`the upstream said nothing for ${Math.round(call.idleMs / 1000)} s`)
      })
      // What was refused may be cut off: its end no longer matters.
      asked.on("error", (error: NodeJS.ErrnoException) => {
        if (asked === upstream && !deciding) fail(call.reasonOf(error))
      })
      asked.on("upgrade", (_, socket) => {
        socket.destroy()
        fail("the upstream answered with another protocol")
      })
      asked.on("response", (answer) => {
        seen.status = answer.statusCode ?? 0
        answer.on("error", () => undefined)
        if (refusals === undefined || seen.refused || !refusals.isRefused(answer)) return pass(answer)
        seen.refused = true
        afterRefusal(refusals, answer)
      })
    }
    /** The rest of the request waits until it is known where it goes. */
    const afterRefusal = ({ decide, body }: Refusals, answer: IncomingMessage) => {
      const refused = upstream
      const withBody = hasBody(request)
      deciding = true
      if (withBody) request.unpipe(refused)
      decide((decision) => {
        deciding = false
        if (seen.over) return
        const parts = body.parts()
        if (decision._tag === "Replace") {
          refused.destroy()
          return end(decision.reason, () =>
            answerEarly(request, response, decision.status, decision.text, "application/json"),
          )
        }
        const next =
          decision._tag === "Again" && parts !== undefined
            ? Either.try(decision.open)
            : Either.left(undefined)
        if (Either.isRight(next) && parts !== undefined) {
          upstream = next.right
          watch(upstream)
          // Not kept for other calls: the upstream may close a connection that was idle during the decision.
          refused.destroy()
          for (const part of parts) upstream.write(part)
          body.drop()
          return withBody ? void request.pipe(upstream) : void upstream.end()
        }
        if (answer.destroyed && !answer.complete) return fail("the upstream cut the answer off")
        if (withBody && !request.complete && !refused.destroyed) request.pipe(refused)
        pass(answer)
      })
    }
    const pass = (answer: IncomingMessage) => {
      // Node throws at values that its own parser accepts, such as a status of 000.
      const head = Either.try(() => response.writeHead(seen.status, call.headers(answer)).flushHeaders())
      if (Either.isLeft(head)) return fail("the upstream's answer is not one of HTTP")
      refusals?.body.drop()
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
      answer.pipe(response, { end: false })
    }
    response.on("close", () => {
      upstream.destroy()
      end("the agent went away", () => undefined)
    })
    response.on("error", () => undefined)
    request.on("error", () => undefined)
    // The agent may have disconnected while the call waited for its log line.
    if (response.closed) {
      upstream.destroy()
      return end("the agent went away", () => undefined)
    }

    watch(upstream)
    if (hasBody(request)) {
      request.on("data", (chunk: Buffer) => {
        seen.sent += chunk.length
        refusals?.body.add(chunk)
        call.passed()
      })
      upstream.flushHeaders()
      request.pipe(upstream)
    } else {
      upstream.end()
    }
  })

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || headers["content-length"] !== undefined
