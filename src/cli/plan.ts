/** Shows a plan and asks for agreement. */
import { Prompt } from "@effect/cli"
import { Effect } from "effect"
import type { LaunchPlan } from "../domain/Bottle.ts"
import { keyText } from "../domain/DeployKey.ts"
import { Cancelled } from "../domain/Errors.ts"
import type { LaunchRefused } from "../domain/Errors.ts"
import { neutralLine } from "../domain/Neutral.ts"
import { neckLines, partsText } from "./planNeck.ts"
import { note, printJson, printLine } from "./output.ts"

/** Prints the plan of a dry run, then fails if the launch would be refused. With `json` a refused plan is not printed. */
export const printPlan = Effect.fn("printPlan")(function* (
  plan: LaunchPlan,
  refusal: Effect.Effect<void, LaunchRefused>,
  json: boolean,
) {
  if (json) yield* refusal
  yield* json ? printJson(plan) : printLine(planText(plan))
  yield* refusal
})

/** Shows the plan and asks. Declining exits with code 126. */
export const confirmPlan = Effect.fn("confirmPlan")(function* (plan: LaunchPlan, yes: boolean) {
  yield* note(planText(plan))
  if (yes) return
  const agreed = yield* Effect.orElseSucceed(
    Prompt.confirm({
      message:
        plan.keys === undefined ? "Launch this bottle?" : "Register the deploy keys, and launch this bottle?",
      initial: false,
    }),
    () => false,
  )
  if (!agreed) return yield* new Cancelled({ reason: "declined: nothing was created" })
})

/** A plan in aligned lines: everything that an operator agrees to. */
export const planText = (plan: LaunchPlan): string => {
  const lines: ReadonlyArray<readonly [string, string]> = [
    [
      "bottle",
      `${plan.slug} (run ${plan.run}${plan.continues === undefined ? "" : `, continues run ${plan.continues.run}`})`,
    ],
    ["agent", `${plan.agent}, with bottle ${plan.bottles.join(" + ")}`],
    ["backend", plan.isolated ? plan.backend : `${plan.backend}: NO ISOLATION`],
    ["image", imageText(plan)],
    ["user", userText(plan)],
    ["workdir", plan.isolated ? plan.workdir : "a folder below bot-bottle's home"],
    ...(plan.clone === undefined ? [] : [["workspace", cloneText(plan.clone)] as const]),
    ["network", networkText(plan)],
    ...neckLines(plan.neck),
    ...(plan.keys ?? []).map((key) => ["registers", `${keyText(key)}, until the run ends`] as const),
    ["limits", limitsText(plan)],
    ...(plan.verify === undefined
      ? []
      : [["verify", `${plan.verify}: nothing starts until "bot-bottle verify" has passed`] as const]),
    ["command", plan.argv.map((word) => JSON.stringify(word)).join(" ")],
    ["env", Object.keys(plan.env).sort().join(" ") || "none"],
    ["files", plan.files.map(({ path }) => path).join(" ") || "none"],
    [
      "prompt",
      plan.prompt === undefined ? "none: on this terminal" : `${Buffer.byteLength(plan.prompt)} bytes`,
    ],
  ]
  const copied = plan.workspace === undefined ? [] : workspaceLines(plan.workspace)
  return [...lines, ...copied].map(([name, value]) => `${name.padEnd(10)}${neutralLine(value)}`).join("\n")
}

const imageText = ({ build, continues, image, isolated, pull, rehydrate }: LaunchPlan): string => {
  if (build !== undefined) {
    const file = build.dockerfile === undefined ? "" : `, ${build.dockerfile}`
    return `built of ${build.context}${file} (pull: ${pull})`
  }
  if (rehydrate && image === "") return `created first, by freezing run ${continues?.run ?? 1}`
  if (rehydrate) return `${image} (rehydrated)`
  if (image === "") return "none"
  return isolated ? `${image} (pull: ${pull})` : `${image} (not used)`
}

const userText = ({ isolated, user }: LaunchPlan): string => {
  if (isolated) return user ?? "the image's"
  const uid = process.getuid?.() ?? 0
  return `${uid}:${process.getgid?.() ?? 0}, who runs bot-bottle${uid === 0 ? " (root)" : ""}`
}

const networkText = ({ isolated, backend, neck }: LaunchPlan): string => {
  if (!isolated) return `this machine's whole network: the ${backend} backend isolates nothing`
  const { approvals: _, ...openings } = neck
  const open = Object.entries(openings)
    .filter(([, entries]) => Object.keys(entries).length > 0)
    .map(([name]) => name)
  return open.length === 0 ? "only the neck" : `only the neck, which opens ${open.join(", ")}`
}

/** What a backend without isolation cannot enforce. */
const KEPT_BY_BACKEND: ReadonlySet<string> = new Set(["memoryBytes", "pids", "cpus", "diskBytes"])

const limitsText = ({ isolated, limits }: LaunchPlan): string => {
  const all = { cpus: "all", diskBytes: "unlimited", timeout: "none", idleTimeout: "none", ...limits }
  if (isolated) return partsText(all)
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => !KEPT_BY_BACKEND.has(name)))
  return `${partsText(kept)}; memory, pids, cpus and disk are not enforced`
}

const cloneText = ({ git, ref, branch }: NonNullable<LaunchPlan["clone"]>): string =>
  `a clone of ${git}${ref === undefined ? "" : ` at ${ref}`}, on branch ${branch}`

const workspaceLines = ({
  root,
  tracked,
  untracked,
}: NonNullable<LaunchPlan["workspace"]>): ReadonlyArray<readonly [string, string]> => [
  ["copies", `${tracked.length} tracked and ${untracked.length} untracked files of ${root}`],
  ...untracked.map((path) => ["untracked", path] as const),
]
