/** Connects a route to its upstream through the operator's proxy: a tunnel with TLS inside. */
import { Effect, Exit, Runtime, Scope } from "effect"
import { Agent, type AgentOptions } from "node:https"
import { isIP } from "node:net"
import { type TLSSocket, connect } from "node:tls"
import type { Destination } from "../../domain/AllowList.ts"
import { type OperatorProxy, throughProxy } from "../outside/operatorProxy.ts"

/** Connections through a proxy, kept like direct ones. The proxy resolves the upstream's name, and decides which addresses are allowed. */
export const tunnelAgent = (
  options: AgentOptions,
  proxy: OperatorProxy,
  destination: Destination,
  runtime: Runtime.Runtime<never>,
): Agent => {
  const runFork = Runtime.runFork(runtime)
  const createConnection = (_: unknown, done: (error: Error | null, socket?: TLSSocket) => void) => {
    runFork(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const close = Effect.sync(() => void runFork(Scope.close(scope, Exit.void)))
        yield* Effect.matchEffect(Scope.extend(throughProxy(proxy, destination), scope), {
          onSuccess: (socket) =>
            Effect.sync(() => {
              const { text } = destination.host
              const secured = connect({ socket, ...(isIP(text) === 0 && { servername: text }) })
              secured.once("close", () => Effect.runSync(close))
              done(null, secured)
            }),
          onFailure: ({ reason }) =>
            Effect.zipRight(
              close,
              Effect.sync(() => done(Object.assign(new Error(reason), { code: reason }))),
            ),
        })
      }),
    )
  }
  return Object.assign(new Agent(options), { createConnection })
}
