/** Passes a request on to an upstream and its response back, as they arrive, with backpressure. */
import { Effect, Either } from "effect"
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http"
import type { Readable } from "node:stream"
import { afterBody, answerEarly } from "./afterBody.ts"
import { holdLast } from "./holdLast.ts"
import type { KeptBody } from "./keptBody.ts"

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
  /** What happens after a response that refuses the call; absent: it passes as any other does. */
  readonly refusals?: Refusals | undefined
}

/** What happens after a response that refuses the call. */
export interface Refusals {
  readonly isRefused: (answer: IncomingMessage) => boolean
  /** Decides once for a call; calls back. */
  readonly decide: (decided: (decision: Decision) => void) => void
  /** The request's body as far as it was passed on, to send it again. */
  readonly body: KeptBody
}

/** After a refusal: the same request is sent again, the response is passed on, or replaced. */
export type Decision =
  | { readonly _tag: "Again"; readonly open: () => ClientRequest }
  | { readonly _tag: "Pass" }
  | { readonly _tag: "Replace"; readonly answer: OwnAnswer }

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
  first: ClientRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }> =>
  Effect.async<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }>((resume) => {
    const seen = { status: 0, sent: 0, received: 0, timedOut: false, over: false, refused: false }
    const { refusals, admission } = call
    const withBody = hasBody(request)
    let upstream = first
    let refusal: "none" | "deciding" | "decided" = "none"
    const end = (failure: string | undefined, finish: () => void) => {
      if (seen.over) return
      seen.over = true
      refusals?.body.drop()
      request.unpipe()
      body.unpipe()
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

    const replace = ({ status, text, type, headers, reason }: OwnAnswer) =>
      end(reason, () => {
        upstream.destroy()
        if (response.headersSent) return void response.destroy()
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
        answerEarly(request, response, status, text, type)
      })
    const refuse = (answer: OwnAnswer) => {
      seen.refused = true
      replace(answer)
    }
    /** What the upstream gets: with an admission, its end comes only after that. */
    const body: Readable =
      admission === undefined || !withBody
        ? request
        : request.pipe(
            holdLast((passes) =>
              admission((refusal) => (refusal === undefined ? passes() : refuse(refusal))),
            ),
          )

    const watch = (asked: ClientRequest) => {
      asked.on("timeout", () => {
        if (asked !== upstream) return
        seen.timedOut = true
        fail(`the upstream said nothing for ${Math.round(call.idleMs / 1000)} s`)
      })
      asked.on("error", (error: NodeJS.ErrnoException) => {
        // What was refused may be cut off: its end no longer matters.
        if (asked === upstream && refusal !== "deciding") fail(call.reasonOf(error))
      })
      asked.on("upgrade", (_, socket) => {
        socket.destroy()
        fail("the upstream answered with another protocol")
      })
      asked.on("response", (answer) => {
        seen.status = answer.statusCode ?? 0
        answer.on("error", () => undefined)
        if (refusals !== undefined && refusal === "none" && refusals.isRefused(answer))
          afterRefusal(refusals, answer)
        else pass(answer)
      })
    }
    /** The rest of the body waits until it is known where it goes. */
    const afterRefusal = ({ decide, body: kept }: Refusals, answer: IncomingMessage) => {
      const refused = upstream
      refusal = "deciding"
      if (withBody) body.unpipe(refused)
      decide((decision) => {
        refusal = "decided"
        if (seen.over) return
        const parts = kept.parts()
        if (decision._tag === "Replace") return replace(decision.answer)
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
          kept.drop()
          return withBody ? void body.pipe(upstream) : void upstream.end()
        }
        if (answer.destroyed && !answer.complete) return fail("the upstream cut the answer off")
        if (withBody && !request.complete && !refused.destroyed) body.pipe(refused)
        pass(answer)
      })
    }
    const pass = (answer: IncomingMessage) => {
      refusals?.body.drop()
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
      answer.pipe(response, { end: false })
      call.answered?.(answer)
    }
    response.on("close", () => {
      upstream.destroy()
      end(AGENT_LEFT, () => undefined)
    })
    response.on("error", () => undefined)
    request.on("error", () => undefined)
    // Before anything destroys it: a request that ends in an error without a listener ends the process.
    watch(upstream)
    // The agent may have disconnected while the call waited for its log line.
    if (response.closed) {
      upstream.destroy()
      return end(AGENT_LEFT, () => undefined)
    }
    if (withBody) {
      request.on("data", (chunk: Buffer) => {
        seen.sent += chunk.length
        call.passed()
      })
      if (refusals !== undefined) body.on("data", refusals.body.add)
      upstream.flushHeaders()
      body.pipe(upstream)
      call.asked?.(request)
    } else {
      upstream.end()
    }
  })

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || headers["content-length"] !== undefined
