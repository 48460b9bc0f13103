/** How a plan is shown, and agreed to. */
import { Prompt } from "@effect/cli"
import { Effect } from "effect"
import type { BottlePlan } from "../domain/Bottle.ts"
import { keyText } from "../domain/DeployKey.ts"
import { Cancelled } from "../domain/Errors.ts"
import { neutral } from "../domain/Neutral.ts"
import { note, printJson, printLine } from "./output.ts"

/** The plan on stdout. */
export const printPlan = (plan: BottlePlan, json: boolean): Effect.Effect<void> =>
  json ? printJson(plan) : printLine(planText(plan))

/** Shows the plan and asks; declining ends with exit code 126. */
export const confirmPlan = Effect.fn("confirmPlan")(function* (plan: BottlePlan, yes: boolean) {
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
  if (!agreed) return yield* new Cancelled({ reason: "declined: nothing was made" })
})

/** A plan in aligned lines. */
export const planText = (plan: BottlePlan): string => {
  const { limits } = plan
  const lines: ReadonlyArray<readonly [string, string]> = [
    ["bottle", `${plan.slug} (run ${plan.run})`],
    ["backend", plan.backend],
    [
      "image",
      plan.build !== undefined
        ? `built of ${plan.build.context}${plan.build.dockerfile === undefined ? "" : `, ${plan.build.dockerfile}`} (pull: ${plan.pull})`
        : plan.image === ""
          ? "none"
          : `${plan.image}${plan.rehydrate ? " (rehydrated)" : ` (pull: ${plan.pull})`}`,
    ],
    ["user", plan.user ?? "the image's"],
    ["workdir", plan.workdir],
    ...(plan.clone === undefined ? [] : [["workspace", cloneText(plan.clone)] as const]),
    ["network", "none but the neck"],
    ...(plan.routes === undefined ? [] : [["routes", plan.routes.join(" ")] as const]),
    ...(plan.keys ?? []).map((key) => ["registers", `${keyText(key)}, for the time of the run`] as const),
    [
      "limits",
      [
        `memory ${Math.round(limits.memoryBytes / 1024 ** 2)} MiB`,
        `pids ${limits.pids}`,
        limits.cpus === undefined ? "all cpus" : `cpus ${limits.cpus}`,
        limits.diskBytes === undefined
          ? "no disk limit"
          : `disk ${Math.round(limits.diskBytes / 1024 ** 2)} MiB`,
      ].join(", "),
    ],
    ["command", plan.argv.map((word) => JSON.stringify(word)).join(" ")],
    ["env", Object.keys(plan.env).sort().join(" ") || "none"],
    [
      "prompt",
      plan.prompt === undefined ? "none: on this terminal" : `${Buffer.byteLength(plan.prompt)} bytes`,
    ],
  ]
  const files = plan.workspace === undefined ? [] : workspaceLines(plan.workspace)
  return [...lines, ...files].map(([name, value]) => `${name.padEnd(10)}${neutral(value)}`).join("\n")
}

const cloneText = ({ git, ref, branch }: NonNullable<BottlePlan["clone"]>): string =>
  `a clone of ${git}${ref === undefined ? "" : ` at ${ref}`}, on branch ${branch}`

const workspaceLines = ({
  root,
  tracked,
  untracked,
}: NonNullable<BottlePlan["workspace"]>): ReadonlyArray<readonly [string, string]> => [
  ["copies", `${tracked.length} tracked and ${untracked.length} untracked files of ${root}`],
  ...untracked.map((path) => ["untracked", path] as const),
]
