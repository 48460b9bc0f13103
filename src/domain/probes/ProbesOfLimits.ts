/** Probes of the limits at the neck: more comments, calls, bodies and connections than a run may have. */
import { asText, httpRequest, text } from "../probeMachine/ProbeBytes.ts"
import type { Probe } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import { OUT, OUT_BYTES, type Step } from "../probeMachine/ProbeMachine.ts"
import { MSG_NOSIGNAL, call, receive, rest, send, shownBy, toNeck } from "../probeMachine/ProbeSteps.ts"
import { rpc } from "./ProbesOfForge.ts"
import { BURST_SECONDS } from "../RunLimits.ts"
import { NECK_PROBE_LIMITS } from "../Verification.ts"

const { callRate, comments, connections } = NECK_PROBE_LIMITS
const BATCH = 100
/** A few more than the sidecar serves at once. */
const BODIES = 20

const limit = (name: string, key: string, refusal: string, steps: ReadonlyArray<Step>): Probe => ({
  class: "limits",
  name,
  expected: "refused",
  steps,
  judge: (outcomes, { logged }) => {
    const isRefused = asText(shownBy(outcomes)).includes(refusal)
    const isLogged = logged.includes(`limit ${key} rejected`)
    return {
      ok: isRefused && isLogged,
      seen: !isRefused ? "taken" : isLogged ? "refused" : "refused, and not reported",
    }
  },
})

const times = <A>(count: number, make: () => A): ReadonlyArray<A> => Array.from({ length: count }, make)

/** How long a body that is sent after the others waits for its refusal, in milliseconds. */
const REFUSAL_MS = 3000

/** Sends part of a body. Its connection stays open, because the machine closes nothing until it ends. */
const unfinished = (waitMs?: number): ReadonlyArray<Step> => [
  ...toNeck(waitMs),
  ...send(text(`POST /rpc HTTP/1.1\r\nhost: x\r\ncontent-length: ${1024 * 1024}\r\n\r\n`)),
  call("sendto", [-1, OUT, OUT_BYTES, MSG_NOSIGNAL], { onKept: true }),
]

/** In an order in which the effect of each can still be seen. */
export const neckLimitProbes = ({ forge }: ProbeGround): ReadonlyArray<Probe> => [
  limit(
    `more than ${comments} comments`,
    "comments",
    "-32006",
    rpc(
      times(comments + 1, () => ({
        jsonrpc: "2.0",
        id: 1,
        method: "post_comment",
        params: { number: forge.issue, body: "One of many." },
      })),
    ),
  ),
  limit(
    `more calls than ${callRate} per second`,
    "callRate",
    "-32006",
    times((2 * callRate * BURST_SECONDS) / BATCH, () => rpc(times(BATCH, () => 1))).flat(),
  ),
  // Which of the simultaneous ones is refused is random: the last three have less than one body's room.
  // The probe before has used up the rate of calls, and a body refused for that takes no room.
  limit("many large bodies at once", "memory", "too many bodies", [
    ...rest,
    ...times(BODIES, () => unfinished()).flat(),
    ...times(3, () => [...unfinished(REFUSAL_MS), ...receive(true)]).flat(),
  ]),
  limit(`more connections than ${connections}`, "connections", "connections are open", [
    ...times(connections, () => toNeck()).flat(),
    ...send(httpRequest("GET /healthz", {})),
    ...receive(true),
  ]),
]
