/** Probes of the head of a route's calls: credentials of the agent's own on their way up, and an upstream's echo of the key on its way down. */
import type { Probe } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import { text } from "../probeMachine/ProbeBytes.ts"
import { askNeck, shownBy } from "../probeMachine/ProbeSteps.ts"

/** What stands for a credential of the agent's own. */
export const AGENTS_OWN = "of-the-agent"

/** Headers in which services take credentials, and which no list of credentials has in full. */
export const OWN_HEADERS = [
  "authorization",
  "x-api-token",
  "private-token",
  "x-vault-token",
  "cookie",
] as const

/** Names of the query likewise. */
const OWN_QUERY = ["api_key", "access%5ftoken", "X-Amz-Signature"]

/** Asks with credentials of the agent's own, and asks an upstream that repeats the key in headers of its answer. */
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
