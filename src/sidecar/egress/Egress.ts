/** Egress: tunnels (CONNECT) and plain HTTP (absolute-form) to the hosts of an allow-list. */
import { Effect, Either, FiberSet, Option, type Scope } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { OnReadOpts, Socket } from "node:net"
import type { AllowList, Destination, Permit } from "../../domain/AllowList.ts"
import type { HostUse } from "../../domain/usage/RunMeter.ts"
import { answerEarly } from "../http/afterBody.ts"
import { framingProblem } from "../http/headers.ts"
import {
  type HttpDestination,
  asAsked,
  authorityOf,
  bracketed,
  readHttp,
  readTunnel,
} from "../outside/destination.ts"
import { dial } from "../outside/dial.ts"
import { firstHello } from "./firstHello.ts"
import { forward } from "./forward.ts"
import { operatorProxies, throughProxy, toProxy } from "../outside/operatorProxy.ts"
import { oneBuffer } from "./oneBuffer.ts"
import { type Ended, makeOutgoing } from "./Outgoing.ts"
import { type Refused, failed, malformed, refusalText } from "../outside/Refused.ts"
import { Resolver, addressesOf } from "../outside/Resolver.ts"
import { CheckIn } from "../record/CheckIn.ts"
import { OperationLog } from "../record/OperationLog.ts"
import { Requests } from "../record/Requests.ts"
import { SidecarSettings } from "../SidecarSettings.ts"
import { splice } from "./splice.ts"
import { ESTABLISHED, refuseTunnel } from "./tunnelAnswers.ts"
import { watchPairs } from "./watchPairs.ts"

/** Serves requests to outside hosts. Each call returns at once; its result is sent and logged. */
export interface Egress {
  /** A CONNECT; `head` is what its client has already sent after it. */
  readonly tunnel: (request: IncomingMessage, head: Buffer) => void
  /** A request with a URL in its first line. */
  readonly http: (request: IncomingMessage, response: ServerResponse) => void
}

/** Makes the egress of a sidecar. Open connections are cut when the scope closes. */
export const makeEgress = (
  allow: AllowList,
  hostUsed: (use: HostUse) => void = () => undefined,
): Effect.Effect<Egress, never, OperationLog | CheckIn | Requests | Scope.Scope> =>
  Effect.gen(function* () {
    const checkIn = yield* CheckIn
    const { egressIdleMs: idleMs, helloMs } = yield* SidecarSettings
    const resolve = yield* Resolver
    const proxyFor = yield* operatorProxies
    const watch = yield* watchPairs(idleMs, checkIn)
    const out = makeOutgoing(allow, yield* OperationLog, yield* Requests)
    const run = yield* FiberSet.makeRuntime<never>()

    /** Counts a connection from now on. */
    const since = ({ host: { text: host } }: Destination) => {
      const begun = performance.now()
      return (up: number, down: number) =>
        hostUsed({ host, connections: 1, up, down, milliseconds: Math.round(performance.now() - begun) })
    }

    /** Connects to a checked address, without another name resolution. */
    const directly = (destination: Destination, permit: Permit, onread?: OnReadOpts) =>
      Effect.flatMap(addressesOf(resolve, destination.host, permit), (addresses) =>
        dial(addresses, destination.port, onread),
      )

    const pass = (client: Socket, head: Buffer) =>
      Effect.fnUntraced(function* (destination: Destination, permit: Permit) {
        const direct = oneBuffer()
        const { upstream, pour } = yield* Option.match(proxyFor(destination), {
          onNone: () =>
            Effect.map(directly(destination, permit, direct.onread), (upstream) => ({
              upstream,
              pour: direct.pour,
            })),
          // Its first bytes are the proxy's own response.
          onSome: (proxy) =>
            Effect.map(throughProxy(proxy, destination), (upstream) => ({ upstream, pour: pipe })),
        })
        const before = { up: upstream.bytesWritten, down: upstream.bytesRead }
        client.write(ESTABLISHED)
        const begin = permit.tls ? yield* firstHello(client, head, destination.host, helloMs) : head
        const used = since(destination)
        const failure = yield* splice(client, upstream, begin, pour, watch.joined)
        const [up, down] = [upstream.bytesWritten - before.up, upstream.bytesRead - before.down]
        used(up, down)
        return { failure, detail: `${up} bytes up, ${down} bytes down`, finish: Effect.void } satisfies Ended
      })

    const send = (request: IncomingMessage, response: ServerResponse) =>
      Effect.fnUntraced(function* (destination: HttpDestination, permit: Permit) {
        const { host, port, path } = destination
        const authority = port === 80 ? bracketed(host) : authorityOf(destination)
        const proxy = Option.getOrUndefined(proxyFor(destination))
        const used = since(destination)
        const { ended, finish } = yield* forward(
          {
            target: authorityOf(destination),
            host: authority,
            url: proxy === undefined ? path : `http://${authority}${path}`,
            authorization: proxy?.authorization,
            socket: yield* proxy === undefined ? directly(destination, permit) : toProxy(proxy),
            idleMs,
            passed: watch.passed,
          },
          request,
          response,
        )
        used(ended.sent, ended.received)
        const answered = ended.status === 0 ? "no answer" : `answered ${ended.status}`
        return {
          failure: ended.failure,
          detail: `${request.method} ${answered}, ${ended.sent} bytes up, ${ended.received} bytes down`,
          finish,
        } satisfies Ended
      })

    return {
      tunnel: (request, head) => {
        const { socket: client, url = "" } = request
        client.on("error", () => client.destroy())
        client.setTimeout(0)
        const asked = Either.flatMap(unframed(request), () => readTunnel(url))
        const target = targetOf(asked, url)
        run(
          out(asked, target, pass(client, head)).pipe(
            Effect.catchAllDefect(ownFailure),
            Effect.catchAll((refused) => Effect.sync(() => refuseTunnel(client, refused, target))),
            Effect.onInterrupt(() => Effect.sync(() => client.destroy())),
            Effect.ensuring(checkIn),
          ),
        )
      },
      http: (request, response) => {
        const { url = "" } = request
        const problem = framingProblem(request)
        const asked = problem === undefined ? readHttp(url) : Either.left(malformed(problem))
        const target = targetOf(asked, url)
        run(
          out(asked, target, send(request, response)).pipe(
            Effect.catchAllDefect(ownFailure),
            Effect.catchAll((refused) =>
              Effect.sync(() => answerEarly(request, response, refused.status, refusalText(refused, target))),
            ),
            Effect.ensuring(checkIn),
          ),
        )
      },
    }
  })

const pipe = (from: Socket, to: Socket): void => void from.pipe(to)

/** A CONNECT has no body (RFC 9110, 9.3.6). If one is announced, implementations disagree about where the tunnel begins. */
const unframed = ({ headers }: IncomingMessage): Either.Either<void, Refused> =>
  headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0"
    ? Either.void
    : Either.left(malformed("CONNECT has no body"))

/** An unexpected failure is our own, and its text is not sent. */
const ownFailure = (defect: unknown): Effect.Effect<never, Refused> =>
  Effect.zipRight(Effect.logError("a connection out failed", defect), failed(502, "internal error"))

const targetOf = (asked: Either.Either<Destination, Refused>, url: string): string =>
  Either.match(asked, { onLeft: () => asAsked(url), onRight: authorityOf })
