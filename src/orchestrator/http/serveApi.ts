/** serveApi: the handlers of ServiceApi as a handler of node's HTTP server. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer, Option, type Scope } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { decodeStatement } from "../../domain/Provenance.ts"
import type { Inbox } from "../../services/Inbox.ts"
import type { IssueStates } from "../../services/IssueStates.ts"
import { ProvenanceStore } from "../../services/ProvenanceStore.ts"
import type { ServiceState } from "../../services/ServiceState.ts"
import { scrape } from "./metrics.ts"
import { ServiceApi } from "./ServiceApi.ts"

/** What the handlers read. */
type Stores = Inbox | IssueStates | ProvenanceStore | ServiceState

/** A store that does not respond is the service's problem, and its words are not for the network. */
const orUnavailable = <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
  effect.pipe(
    Effect.tapError((error) => Effect.logWarning(`a request of an operator failed: ${error.message}`)),
    Effect.mapError(() => new HttpApiError.ServiceUnavailable()),
  )

const provenance = HttpApiBuilder.group(ServiceApi, "provenance", (handlers) =>
  Effect.map(ProvenanceStore, (store) =>
    handlers.handle("ofIssue", ({ urlParams: { owner, repo, issue } }) =>
      store.ofIssue({ owner, repo, number: issue }).pipe(
        Effect.map((all) =>
          all.map(({ slug, run, payload, envelope }) => ({
            slug,
            run,
            statement: Option.getOrNull(decodeStatement(payload)),
            envelope,
          })),
        ),
        orUnavailable,
      ),
    ),
  ),
)

const metrics = HttpApiBuilder.group(ServiceApi, "metrics", (handlers) =>
  Effect.map(Effect.context<Stores>(), (context) =>
    handlers.handle("scrape", () => Effect.provide(orUnavailable(scrape()), context)),
  ),
)

/** The handler, until the scope ends. */
export const serveApi: Effect.Effect<
  (request: IncomingMessage, response: ServerResponse) => void,
  never,
  Stores | Scope.Scope
> = Effect.gen(function* () {
  const parts = yield* Layer.build(
    Layer.mergeAll(
      HttpApiBuilder.api(ServiceApi).pipe(Layer.provide(Layer.merge(provenance, metrics))),
      HttpApiBuilder.Router.Live,
      HttpApiBuilder.Middleware.layer,
      NodeHttpServer.layerContext,
    ),
  )
  return yield* Effect.provide(Effect.flatMap(HttpApiBuilder.httpApp, NodeHttpServer.makeHandler), parts)
})
