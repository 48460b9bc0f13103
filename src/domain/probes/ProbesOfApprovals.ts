/** Probes of approvals: what is asked for stays closed until a person approves it, opens nothing private, and closes with its run. */
import { EGRESS_REASONS } from "../EgressRefusals.ts"
import { asText } from "../probeMachine/ProbeBytes.ts"
import type { Step } from "../probeMachine/ProbeMachine.ts"
import { closeKept, rest, shownBy } from "../probeMachine/ProbeSteps.ts"
import type { Probe } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import { branchOf, deniedPush, rpc } from "./ProbesOfForge.ts"
import { statusOf, tunnel } from "./ProbesOfNeck.ts"

/** The only host that whoever runs the probes approves. It leads to this machine. */
export const APPROVED_HOST = "localhost"

/** Nobody approves this one, and it leads nowhere. */
const UNAPPROVED = "asked-for.verify.invalid:443"

/** How long the first round gives a person for the approval, in seconds. */
const WAITED = 3

const ask = (kind: string, detail: string): ReadonlyArray<Step> =>
  rpc({
    jsonrpc: "2.0",
    id: 1,
    method: "request",
    params: { kind, detail, reason: "To see whether it opens." },
  })

const DECIDING = ["approve", "request_approve", "deny", "answer", "decide", "request_decide"]

/** What is asked for in the first round and approved is tried again in the second one, without asking. */
export const approvalProbes = (ground: ProbeGround): ReadonlyArray<Probe> => {
  const approved = `${APPROVED_HOST}:${ground.forge.port}`
  const isFirst = ground.round === 1
  const { git } = ground
  const refusal = isFirst ? EGRESS_REASONS.notPublic : EGRESS_REASONS.notListed
  const push = deniedPush(ground)("a push of a protected path that was asked for, and not approved", {
    ref: `${branchOf(ground)}-asked`,
    to: git.bad.commit,
    pack: git.bad.pack,
  })
  return [
    {
      class: "approvals",
      name: "CONNECT to a host that was asked for, and not approved",
      expected: "refused",
      steps: [...ask("egress", UNAPPROVED), ...tunnel(UNAPPROVED), closeKept],
      judge: (outcomes) => {
        const text = asText(shownBy(outcomes))
        const isRefused = text.includes(EGRESS_REASONS.notListed)
        return { ok: isRefused && text.includes('"open"'), seen: isRefused ? "refused" : "let through" }
      },
    },
    {
      class: "approvals",
      name: "CONNECT to a private address that was approved in the first round",
      expected: "refused",
      steps: [
        ...(isFirst
          ? [...ask("egress", approved), ...Array.from({ length: WAITED }, () => rest).flat()]
          : []),
        ...tunnel(approved),
        closeKept,
      ],
      judge: (outcomes, { logged }) => {
        const text = asText(shownBy(outcomes))
        const wasApproved = !isFirst || logged.some((line) => /^approval \S+ ok$/.test(line))
        return text.includes(refusal) && wasApproved
          ? { ok: true, seen: isFirst ? "refused: its address" : "refused: the approval has ended" }
          : { ok: false, seen: wasApproved ? `HTTP ${statusOf(outcomes.slice(-8))}` : "nobody approved it" }
      },
    },
    {
      class: "approvals",
      name: "a request of a kind that the manifest does not list",
      expected: "refused",
      steps: ask("budget", "tokens 1000000"),
      judge: (outcomes) => {
        const isRefused = asText(shownBy(outcomes)).includes("-32001")
        return { ok: isRefused, seen: isRefused ? "refused" : "taken" }
      },
    },
    {
      class: "approvals",
      name: "a decision that the agent makes itself",
      expected: "refused",
      steps: [
        ...ask("question", "May I?"),
        ...rpc(DECIDING.map((method, at) => ({ jsonrpc: "2.0", id: at, method, params: { id: "aaaaaa" } }))),
      ],
      judge: (outcomes) => {
        const found = asText(shownBy(outcomes)).split("-32601").length - 1
        return { ok: found === DECIDING.length, seen: found === DECIDING.length ? "refused" : "taken" }
      },
    },
    {
      ...push,
      class: "approvals",
      steps: [...ask("protected_path", ".gitea/workflows"), ...push.steps],
    },
  ]
}
