/** Histories of an issue's life: random ones, and some written down; each is lived in a world and held against the model. */
import { FastCheck } from "effect"
import type { Decision } from "../../../src/domain/orchestrator/Decision.ts"
import type { LifeSettings } from "../../../src/domain/orchestrator/LifeSettings.ts"
import type { Input } from "../../../src/domain/orchestrator/Observed.ts"
import { finalState, restOf, wrongs } from "./model.ts"
import type { Happening } from "./happenings.ts"
import { ACTS, happen } from "./happenings.ts"
import { World } from "./world.ts"
import type { Who } from "./worldState.ts"

/** One history. `days` pass after it. */
export interface History {
  readonly settings: Partial<LifeSettings>
  readonly happenings: ReadonlyArray<Happening>
  readonly days: number
}

/** What is wrong with a history as `decide` lives it; empty when the model agrees. */
export const disagreements = (
  decide: (input: Input) => Decision,
  history: History,
): ReadonlyArray<string> => {
  const world = new World(decide, history.settings)
  for (const happening of history.happenings) happen(world, happening)
  world.drain(history.days * 24 * 3_600_000)
  const lived = {
    final: world.snapshot(),
    deeds: world.deeds,
    lastPrs: world.lastPrs,
    removedAt: world.removedAt,
    removedAfter: world.removedAfter,
    settings: world.life,
  }
  const must = finalState(lived)
  const bottle = restOf(world.bottle, lived)
  return [
    ...world.problems,
    ...wrongs(lived),
    ...(must === bottle ? [] : [`it rests as ${bottle} (${world.state.reason}), and must be: ${must}`]),
  ]
}

const often: ReadonlyArray<Happening["act"]> = [
  "label",
  "assign",
  "comment",
  "commentPr",
  "agentOpensPr",
  "agentOpensPr",
  "agentDone",
  "agentExits",
  "agentExits",
  "merge",
  "closePr",
  "unlabel",
  "machineStops",
  "machineEnds",
  "providerStops",
  "checksFail",
  "conflict",
  "close",
  "reopen",
  "sweep",
  "sweep",
]

const happening: FastCheck.Arbitrary<Happening> = FastCheck.record(
  {
    act: FastCheck.constantFrom(...ACTS, ...often),
    who: FastCheck.constantFrom<Who>("ada", "ada", "ada", "ada", "mallory", "bot"),
    hints: FastCheck.constantFrom(0, 0, 1, 1, 1, 2),
    wait: FastCheck.constantFrom(
      0,
      1_000,
      1_000,
      30_000,
      61_000,
      61_000,
      400_000,
      700_000,
      2_000_000,
      9_000_000,
    ),
    text: FastCheck.constantFrom("please", "@bot please", " "),
  },
  { requiredKeys: ["act", "who", "hints", "wait", "text"] },
)

/** Random histories; most begin as an issue that is targeted. */
export const histories: FastCheck.Arbitrary<History> = FastCheck.record({
  settings: FastCheck.record({
    ciFeedback: FastCheck.constantFrom(0, 1, 2),
    onConflict: FastCheck.constantFrom("ignore", "resume" as const),
    resumeOn: FastCheck.constantFrom("any", "any", "mention" as const),
  }),
  happenings: FastCheck.tuple(
    FastCheck.constantFrom<ReadonlyArray<Happening>>(
      [],
      [{ act: "label" }, { act: "assign" }],
      [{ act: "label" }, { act: "assign" }, { act: "agentOpensPr" }],
      [
        { act: "label" },
        { act: "assign" },
        { act: "agentOpensPr" },
        { act: "agentDone" },
        { act: "agentExits" },
      ],
    ),
    FastCheck.array(happening, { minLength: 1, maxLength: 24, size: "max" }),
  ).map(([before, then]) => before.concat(then)),
  days: FastCheck.constantFrom(2, 2, 2, 40),
})
