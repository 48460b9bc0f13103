/** A probe: one way out of a bottle that is tried from inside, the expected result, and how it is judged. */
import type { Outcome, Step } from "../probeMachine/ProbeMachine.ts"
import { wordOf } from "../probeMachine/ProbeMachine.ts"

/** What a probe is about. All failures of a class have the same remedy. */
export type ProbeClass =
  | "network"
  | "names"
  | "sockets"
  | "calls"
  | "box"
  | "files"
  | "egress"
  | "approvals"
  | "forge"
  | "git"
  | "routes"
  | "secrets"
  | "limits"

/** What a probe saw, and whether it is as promised. */
export interface Verdict {
  readonly ok: boolean
  /** A few words. */
  readonly seen: string
}

/** One probe. */
export interface Probe {
  readonly class: ProbeClass
  /** What is tried. Unique. */
  readonly name: string
  /** The expected result, in a few words. */
  readonly expected: string
  readonly steps: ReadonlyArray<Step>
  /** Judges by the results of the calls and by what was seen outside: a report from inside alone is no proof. */
  readonly judge: (outcomes: ReadonlyArray<Outcome>, outside: Outside) => Verdict
}

/** What was seen outside of the bottle during a round. */
export interface Outside {
  /** Connections and packets that reached each listener of the ground, by its name. */
  readonly heard: Readonly<Record<string, number>>
  /** Requests other than reads that the forge accepted, such as `POST /repos/ada/cellar/issues/1/comments`. */
  readonly forgeWrites: ReadonlyArray<string>
  /** Refs of the upstream, by name. */
  readonly refs: Readonly<Record<string, string>>
  /**
   * Requests that reached the upstream of the route, such as `GET /v1/models`; whether each had the credential, and whether it had one
   * of the agent's own.
   */
  readonly routed: ReadonlyArray<{
    readonly request: string
    readonly credential: boolean
    readonly own?: boolean
  }>
  /** Lines of the operation log in this round, as `<op> <target> <outcome>`. */
  readonly logged: ReadonlyArray<string>
  /** Whether the operation log's chain is whole. */
  readonly chain: boolean
  /** Whether a secret of the run is in these bytes. */
  readonly holdsSecret: (bytes: Uint8Array) => boolean
  /** Whether a secret of the run is in anything that the bottle wrote or in its files; none: they could not be read. */
  readonly leaked: { readonly output: boolean; readonly files: boolean | undefined }
}

/** The result of one probe. */
export interface ProbeResult extends Verdict {
  readonly name: string
  readonly class: ProbeClass
  readonly expected: string
}

/** The result of `verify`: it is `ok` when every probe is. */
export interface Verification {
  readonly ok: boolean
  readonly probes: ReadonlyArray<ProbeResult>
}

/** The steps of all probes, in order. */
export const stepsOf = (probes: ReadonlyArray<Probe>): ReadonlyArray<Step> =>
  probes.flatMap(({ steps }) => steps)

/** Judges probes by the outcomes of their steps, in sequence. A probe whose steps did not all run is not as promised. */
export const judgeAll = (
  probes: ReadonlyArray<Probe>,
  outcomes: ReadonlyArray<Outcome>,
  outside: Outside,
): ReadonlyArray<ProbeResult> => {
  let at = 0
  return probes.map((probe) => {
    const own = outcomes.slice(at, at + probe.steps.length)
    at += probe.steps.length
    const verdict =
      own.length < probe.steps.length
        ? { ok: false, seen: "not tried: the probes ended before it" }
        : probe.judge(own, outside)
    return { name: probe.name, class: probe.class, expected: probe.expected, ...verdict }
  })
}

/** A verdict by a word, which must be one of the given ones. */
export const oneOf = (words: ReadonlyArray<string>, seen: string): Verdict => ({
  ok: words.includes(seen),
  seen,
})

/** The word for a probe's last outcome; `allowed` also when the result is positive. */
export const lastWord = (outcomes: ReadonlyArray<Outcome>): string => {
  const last = outcomes.at(-1)
  return last === undefined ? "nothing" : wordOf(last)
}
