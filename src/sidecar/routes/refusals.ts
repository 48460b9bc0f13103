/** What a route does when its upstream refuses its credentials: asks for others, and says what the operator has to do if there are none. */
import { Effect, Option, Runtime } from "effect"
import { loginProblem, loginRefusal, type SubscriptionProvider } from "../../domain/SubscriptionRoutes.ts"
import { makeKeptBodies } from "../http/keptBody.ts"
import type { Decision, OwnAnswer, Refusals } from "../http/passOn.ts"
import type { CredentialHeaders, RouteCredentials } from "./credentials.ts"
import type { SendAgain } from "./exchange.ts"
import type { Route } from "./Route.ts"

/** What happens after a refusal of a call with these credentials; undefined when it just passes to the agent. */
export type RefusalsOf = (
  route: Route,
  credentials: RouteCredentials,
  sent: CredentialHeaders,
) => ((again: SendAgain) => Refusals) | undefined

/** Makes it for the routes of a sidecar, whose kept bodies share their room. */
export const makeRefusals = (runtime: Runtime.Runtime<never>): RefusalsOf => {
  const keptBody = makeKeptBodies()
  return ({ subscription }, { renewed }, sent) => {
    if (renewed === undefined && subscription === undefined) return undefined
    const otherwise: Decision =
      subscription === undefined
        ? { _tag: "Pass" }
        : { _tag: "Replace", answer: loginAnswer(subscription, loginProblem(subscription, "refused")) }
    return (again) => ({
      isRefused: ({ statusCode }) => statusCode === 401,
      decide: (decided) =>
        void Runtime.runFork(runtime)(
          Effect.map(renewed?.(sent) ?? Effect.succeedNone, (found) =>
            decided(
              Option.match(found, {
                onNone: () => otherwise,
                onSome: (credentials): Decision => ({ _tag: "Again", open: () => again(credentials) }),
              }),
            ),
          ),
        ),
      body: keptBody(),
    })
  }
}

/** The answer to a call for which there is no valid login, in the form of the provider's own. */
export const loginAnswer = (provider: SubscriptionProvider, reason: string): OwnAnswer => ({
  ...loginRefusal(provider, reason),
  type: "application/json",
  headers: {},
  reason,
})
