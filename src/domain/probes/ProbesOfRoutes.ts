/**
 * Probes of a route's headers and query: the agent's own credentials on their way up, and an upstream that echoes the key on its way
 * down.
 */
import type { Probe } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import { text } from "../probeMachine/ProbeBytes.ts"
import { askNeck, shownBy } from "../probeMachine/ProbeSteps.ts"

/** Stands for a credential of the agent's own. */
export const AGENTS_OWN = "of-the-agent"

/** Headers in which services accept credentials. No list of such headers is complete. */
export const OWN_HEADERS = [
  "authorization",
  "x-api-token",
  "private-token",
  "x-vault-token",
  "cookie",
] as const

/** Query parameters in which services accept credentials. */
const OWN_QUERY = ["api_key", "access%5ftoken", "X-Amz-Signature"]

/** Sends requests with the agent's own credentials, and to an upstream that repeats the key in its response headers. */
export const routeHeadProbes = ({ route }: ProbeGround): ReadonlyArray<Probe> => {
  const path = `/route/${route.name}${route.allowed}`
  const query = OWN_QUERY.map((name) => `${name}=${AGENTS_OWN}`).join("&")
  const headers = Object.fromEntries(OWN_HEADERS.map((name) => [name, AGENTS_OWN]))
  return [
    {
      class: "routes",
      name: "credentials of the agent's own, in headers and query",
      expected: "not passed on",
      steps: askNeck(`GET ${path}?${query}`, headers),
      judge: (outcomes, { routed }) => {
        if (routed.some(({ own }) => own === true)) return { ok: false, seen: "passed on" }
        return isAnswered(shownBy(outcomes)) && routed.length > 0
          ? { ok: true, seen: "not passed on" }
          : { ok: false, seen: "no answer" }
      },
    },
    {
      class: "routes",
      name: "the key in headers of an answer, encoded",
      expected: "dropped",
      steps: askNeck(`GET ${path}`),
      judge: (outcomes, { holdsSecret }) => {
        const shown = shownBy(outcomes)
        if (holdsSecret(shown)) return { ok: false, seen: "passed on" }
        return isAnswered(shown) ? { ok: true, seen: "dropped" } : { ok: false, seen: "no answer" }
      },
    },
  ]
}

const ANSWERED = text("HTTP/1.1 200 ")

const isAnswered = (shown: Uint8Array): boolean => ANSWERED.every((byte, at) => shown[at] === byte)
