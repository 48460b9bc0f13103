/** All probes of one round, in the order in which they run. */
import type { Probe, ProbeClass } from "./Probe.ts"
import type { ProbeGround } from "./ProbeGround.ts"
import { approvalProbes } from "./ProbesOfApprovals.ts"
import { boxProbes, limitProbes } from "./ProbesOfBox.ts"
import { forgeProbes, gitProbes } from "./ProbesOfForge.ts"
import { neckLimitProbes } from "./ProbesOfLimits.ts"
import { callProbes, socketProbes } from "./ProbesOfKernel.ts"
import { egressProbes, routeProbes, socketFileProbes } from "./ProbesOfNeck.ts"
import { nameProbes, networkProbes } from "./ProbesOfNetwork.ts"
import { routeHeadProbes } from "./ProbesOfRoutes.ts"
import { pushProbes } from "./ProbesOfPushes.ts"
import { secretProbes } from "./ProbesOfSecrets.ts"

/** Secrets first, while few processes are running. Limits last, because nothing can be tried after them. */
export const allProbes = (ground: ProbeGround): ReadonlyArray<Probe> => [
  ...secretProbes(),
  ...networkProbes(ground),
  ...nameProbes(),
  ...socketProbes(),
  ...callProbes(ground),
  ...boxProbes(ground),
  ...socketFileProbes(ground),
  ...egressProbes(ground),
  ...approvalProbes(ground),
  ...routeProbes(ground),
  ...routeHeadProbes(ground),
  ...forgeProbes(ground),
  ...gitProbes(ground),
  ...pushProbes(ground),
  ...neckLimitProbes(ground),
  ...limitProbes(ground),
]

/** The probes of some classes; all unless given. */
export const probesOf = (
  ground: ProbeGround,
  classes: ReadonlyArray<ProbeClass> | undefined,
): ReadonlyArray<Probe> =>
  allProbes(ground).filter((probe) => classes === undefined || classes.includes(probe.class))

/** What a failed probe of a class means, and what to do. */
export const REMEDIES: Readonly<Record<ProbeClass, string>> = {
  network:
    "the bottle has a network in addition to its neck: no address may be handed to it; look at what the engine adds to containers",
  names: "names are resolved in the bottle or for it, so the names that are asked for leave it",
  sockets: "the list of system calls is not enforced: does the engine accept --security-opt seccomp=<file>?",
  calls: "the list of system calls is not enforced: does the engine accept --security-opt seccomp=<file>?",
  box: "the box has privileges that it must not have: look at what the engine adds to containers",
  files:
    "something of this machine is in the bottle: look at what the engine mounts into containers, and at its devices",
  egress: "the neck lets out more than the manifest lists: look at egress.allow",
  approvals:
    "something opens without a person's approval, or stays open after its run: leave approvals of the manifest empty",
  forge: "the forge can be written to out of the run's scope: do not give this bottle a token",
  git: "the upstream can be pushed to out of the bottle's policy: do not give this bottle a credential",
  routes: "a route passes on more than its manifest allows: do not give it a credential",
  secrets: "a secret of the run is in the bottle: count it as known",
  limits:
    "a limit is not kept: one bottle can take the machine's memory, processes or disk, or end its own sidecar",
}
