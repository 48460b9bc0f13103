/** What can happen in a world: to the issue, its pull requests, the agent, the machine and its operator. */
import type { ObservedPr, Remark } from "../../../src/domain/orchestrator/Observed.ts"
import type { World } from "./world.ts"
import type { Machine, Who } from "./worldState.ts"
import { actorOf, ISSUE } from "./worldState.ts"

/** Something that happens. `hints`: how often it is told; 0 is lost. `wait`: milliseconds before it. */
export interface Happening {
  readonly act: Act
  readonly who?: Who
  readonly hints?: number
  readonly wait?: number
  readonly text?: string
}

/** It happens, and is told. */
export const happen = (
  world: World,
  { act, who = "ada", hints = 1, wait = 1_000, text = "please" }: Happening,
): void => {
  world.pass(wait)
  world.carryOut()
  acts[act](world, who, text)
  for (let n = 0; n < hints; n++) world.look()
}

type Do = (world: World, who: Who, text: string) => void

const machine =
  (change: (world: World) => Partial<Machine>): Do =>
  (world) => {
    world.machine = { ...world.machine, ...change(world) }
  }

const forge =
  (change: (world: World, who: Who) => Partial<World["forge"]>): Do =>
  (world, who) => {
    world.forge = { ...world.forge, ...change(world, who) }
  }

/** A change that makes the issue targeted, when it does. */
const targeting = (change: (who: Who) => Partial<World["forge"]>): Do =>
  forge((world, who) => ({ ...change(who), targetingId: ++world.ids, targetedAt: world.forgeNow }))

/** Before any bottle is made. */
const atFirst = (change: Partial<World["forge"]>): Do =>
  forge(({ state }) => (state.generation === 0 ? change : {}))

const bottle =
  (
    states: ReadonlyArray<string>,
    change: (world: World, who: Who) => Partial<NonNullable<World["bottle"]>>,
  ): Do =>
  (world, who) => {
    if (world.bottle !== undefined && states.includes(world.bottle.state))
      world.bottle = { ...world.bottle, ...change(world, who) }
  }

const mine =
  ({ bottle }: World) =>
  (pr: ObservedPr): boolean =>
    bottle?.prs.includes(pr.number) === true
const openOfMine = (world: World) => (pr: ObservedPr) => mine(world)(pr) && pr.state === "open"
const openOfOther = () => (pr: ObservedPr & { readonly by: string }) =>
  pr.by === "outsider" && pr.state === "open"

/** Changes the newest pull request of some kind. */
const pull =
  (
    change: (world: World) => Partial<ObservedPr>,
    which: (world: World) => (pr: ObservedPr & { readonly by: string }) => boolean = openOfMine,
  ): Do =>
  (world) => {
    const at = world.forge.prs.findLastIndex(which(world))
    const prs = world.forge.prs.map((pr, n) => (n === at ? { ...pr, ...change(world) } : pr))
    world.forge = { ...world.forge, prs }
  }

const openPr = (world: World, by: "agent" | "outsider"): number => {
  const number = ++world.ids
  const pr = {
    number,
    by,
    state: "open",
    merged: false,
    draft: false,
    head: `h${number}`,
    base: "b1",
  } as const
  const fresh = { headOfRun: by === "agent", mergeable: true, checks: "none", failedChecks: [] } as const
  world.forge = { ...world.forge, prs: [...world.forge.prs, { ...pr, ...fresh }] }
  return number
}

const remark = (world: World, on: number | undefined, who: Who, more: Partial<Remark> = {}): void => {
  if (on === undefined) return
  const [at, id] = [world.forgeNow, ++world.ids]
  const said: Remark = {
    kind: "comment",
    id,
    on,
    author: actorOf(who),
    createdAt: at,
    updatedAt: at,
    body: "please",
    lines: [],
  }
  world.forge = { ...world.forge, remarks: [...world.forge.remarks, { ...said, ...more, who }] }
}

const onMine =
  (more: (text: string) => Partial<Remark>): Do =>
  (world, who, text) =>
    remark(world, world.forge.prs.findLast(openOfMine(world))?.number, who, more(text))

const over = (world: World) => ({ state: "closed", overAt: world.forgeNow }) as const
const mergedOver = (world: World) => ({ ...over(world), merged: true })
const line = { path: "a", line: 1, hunk: "@@", body: "why?" }

const acts = {
  label: targeting((who) => ({ labels: ["carpenter"], labelBy: who })),
  otherLabel: targeting((who) => ({ labels: ["mason"], labelBy: who })),
  unknownAgent: targeting((who) => ({ labels: ["stranger"], labelBy: who })),
  unlabel: forge(() => ({ labels: [] })),
  assign: targeting((who) => ({ assigned: true, assignBy: who })),
  unassign: forge(() => ({ assigned: false })),
  undecidable: forge(() => ({ undecidable: true })),
  decidable: forge(() => ({ undecidable: false })),
  close: forge(({ forge }, who) => (forge.open ? { open: false, closedBy: who } : {})),
  reopen: (world, who, text) => {
    if (!world.forge.open) targeting((who) => ({ open: true, reopenBy: who }))(world, who, text)
  },
  deleteIssue: forge(() => ({ exists: false })),
  forkPull: atFirst({ fork: true }),
  timelineUnreadable: atFirst({ readable: false }),
  blockDependency: forge(() => ({ dependency: true })),
  freeDependency: forge(() => ({ dependency: false })),
  editText: forge(({ forge }, who) => ({ text: forge.text + 1, editors: [...forge.editors, who] })),

  comment: (world, who, body) => remark(world, ISSUE, who, { body }),
  commentPr: onMine((body) => ({ body })),
  reviewPr: onMine(() => ({ kind: "review", verdict: "rejected", body: "", lines: [line] })),
  emptyReview: onMine(() => ({ kind: "review", verdict: "approved", body: " " })),
  dismissReview: onMine(() => ({ kind: "review", verdict: "rejected", body: "no", dismissed: true })),
  commentElsewhere: (world, who) =>
    remark(world, world.forge.prs.find(({ by }) => by === "outsider")?.number, who),
  editComment: forge(({ forge: { remarks }, forgeNow }) => ({
    remarks: remarks.map((it, n) => (n === remarks.length - 1 ? { ...it, updatedAt: forgeNow } : it)),
  })),

  outsiderPr: (world) => void openPr(world, "outsider"),
  mergeOutsider: pull(mergedOver, openOfOther),
  merge: pull(mergedOver),
  closePr: pull(over),
  reopenPr: pull(
    () => ({ state: "open" }),
    (world) => (pr) => mine(world)(pr) && !pr.merged,
  ),
  checksFail: pull(() => ({ checks: "failure" })),
  checksError: pull(() => ({ checks: "error" })),
  checksPass: pull(() => ({ checks: "success" })),
  personPushes: pull((world) => ({ headOfRun: false, head: `h${++world.ids}` })),
  conflict: pull((world) => ({ mergeable: false, base: `b${++world.ids}` })),
  draftConflict: pull(() => ({ mergeable: false, draft: true })),
  mergeable: pull(() => ({ mergeable: true, draft: false })),

  agentOpensPr: bottle(["running"], (world) => {
    const had = world.bottle?.prs ?? []
    if (had.length > 1 || world.forge.prs.some(openOfMine(world))) return {}
    world.lastPrs = [...had, openPr(world, "agent")]
    return { prs: world.lastPrs }
  }),
  agentPushes: (world, who, text) => {
    if (world.bottle?.state === "running")
      pull(() => ({ head: `h${++world.ids}`, headOfRun: true, checks: "pending", mergeable: true }))(
        world,
        who,
        text,
      )
  },
  agentDone: bottle(["running"], ({ now, bottle }) => ({
    done: bottle?.done ?? { status: "success", at: now },
  })),
  agentBlocked: (world) => world.endRun({ done: "blocked" }),
  agentExits: (world) => world.endRun(world.bottle?.done ? { done: "success" } : {}),
  personDecides: bottle(["running", "exited", "frozen"], ({ bottle }) => ({
    decided: (bottle?.decided ?? 0) + 1,
  })),
  hang: (world) => {
    if (world.bottle?.state === "running") world.hung = world.bottle.run
  },
  checkin: bottle(["running"], ({ now }) => ({ checkinAt: now })),
  machineStops: (world) => world.endRun({ by: "machine" }),
  machineEnds: (world) => world.endRun({ by: "machine", unclear: true }),
  agentKilled: (world) => world.endRun({ unclear: true }),
  providerStops: (world, who) =>
    world.endRun({ by: "provider", ...(who === "ada" && { until: world.now + 7_200_000 }) }),
  providerStopsBriefly: (world) => world.endRun({ by: "provider", until: world.now + 2_000 }),
  sidecarDies: bottle(["running"], () => ({ sidecar: "dead" })),
  sidecarFails: bottle(["running"], () => ({ sidecar: "failed" })),
  lose: bottle(["frozen"], () => ({ state: "lost" })),
  breakDestroy: bottle(["frozen"], () => ({ state: "destroying" })),

  pause: machine(() => ({ paused: true })),
  continue: machine(() => ({ paused: false })),
  fill: machine(() => ({ full: true })),
  empty: machine(() => ({ full: false })),
  noTurn: machine(() => ({ turn: false })),
  turn: machine(() => ({ turn: true })),
  routeRests: machine(({ now }) => ({ routeUntil: now + 1_200_000 })),
  shortTime: machine(() => ({ seconds: 1_200 })),
  noBudget: machine(() => ({ seconds: 0 })),
  costUnknown: machine(() => ({ costKnown: false })),
  costKnown: machine(() => ({ costKnown: true })),
  setAside: machine(({ machine }) => ({ setAside: !machine.setAside })),
  failOnce: machine(() => ({ failures: 1 })),
  failThrice: machine(() => ({ failures: 3 })),
  slow: machine(() => ({ slow: true })),
  quick: machine(() => ({ slow: false })),
  sweep: (world) => world.look(),
  jump: (world) => {
    world.now += 3_600_000
    world.steadySince = world.now
  },
  removeByHand: (world) => {
    if (world.operation?.state === "open" || world.bottle === undefined) return
    world.bottle = undefined
    world.removedAt = world.forgeNow
    world.removedAfter = world.deeds.length
    world.look()
  },
} satisfies Record<string, Do>

/** All that can happen, by name. */
export type Act = keyof typeof acts
/** All that can happen, by name. */
export const ACTS = Object.keys(acts) as ReadonlyArray<Act>
