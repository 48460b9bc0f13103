import { setImmediate } from "node:timers/promises"
import { afterEach, describe, expect, it } from "@effect/vitest"
import { FastCheck, Schema } from "effect"
import { decide, decideBy, rules } from "../../../src/domain/orchestrator/decide.ts"
import type { Rules } from "../../../src/domain/orchestrator/decide.ts"
import { IssueState } from "../../../src/domain/orchestrator/IssueState.ts"
import type { LifeSettings } from "../../../src/domain/orchestrator/LifeSettings.ts"
import type { Input } from "../../../src/domain/orchestrator/Observed.ts"
import { Operation } from "../../../src/domain/orchestrator/Operation.ts"
import { disagreements, histories } from "./lives.ts"
import type { History } from "./lives.ts"
import type { Happening } from "./happenings.ts"
import { happen } from "./happenings.ts"
import { World } from "./world.ts"

// Tests that never wait would keep the runner from reporting.
afterEach(() => setImmediate())

const life = (...acts: ReadonlyArray<Happening["act"] | Happening>): History => ({
  settings: {},
  happenings: acts.map((it) => (typeof it === "string" ? { act: it } : it)),
  days: 2,
})

/** Lives of rules that random histories come to late. */
const written: ReadonlyArray<History> = [
  life("forkPull", "label", "assign"),
  life("label", "assign", "unlabel", "label"),
  life("label", "assign", "agentOpensPr", "agentDone", "hang"),
  life("label", "assign", "hang"),
  life("shortTime", "label", "assign", "hang"),
  life("label", "assign", "agentOpensPr", "agentDone", "agentExits", "closePr", "label", "breakDestroy"),
  life("label", "assign", "providerStopsBriefly", { act: "providerStopsBriefly", wait: 10_000 }),
  life("label", "assign", "agentBlocked", "personDecides"),
  life("label", "assign", { act: "agentDone", wait: 1_770_000, hints: 0 }),
  life(
    "label",
    "assign",
    "agentDone",
    "agentExits",
    "routeRests",
    { act: "comment", wait: 90_000 },
    { act: "sweep", wait: 90_000 },
  ),
]

const samples = [...written, ...FastCheck.sample(histories, { numRuns: 3_000, seed: 7 })]

const isFound = (decide: (input: Input) => ReturnType<ReturnType<typeof decideBy>>): boolean =>
  samples.some((history) => disagreements(decide, history).length > 0)

const lists = Object.keys(rules) as ReadonlyArray<keyof Rules>
const without = (list: keyof Rules, name: string): Rules => ({
  ...rules,
  [list]: rules[list].filter((rule) => rule.name !== name),
})

describe("decide and the model", () => {
  // In parts, so that a slow machine can report in between.
  it.each(Array.from({ length: 10 }, (_, n) => n + 1))(
    "agree over 10,000 random histories: part %i of 10",
    () => {
      FastCheck.assert(
        FastCheck.property(histories, (history) => {
          expect(disagreements(decide, history)).toEqual([])
        }),
        { numRuns: 1_000 },
      )
    },
  )

  it("agree over the lives that are written down", () => {
    for (const history of written) expect(disagreements(decide, history)).toEqual([])
  })

  it.each(lists.flatMap((list) => rules[list].map(({ name }) => [name, list] as const)))(
    "disagree when the rule is left out: %s",
    (name, list) => {
      expect(isFound(decideBy(without(list, name)))).toBe(true)
    },
  )

  it.each<readonly [keyof LifeSettings, Partial<LifeSettings>]>([
    ["settle", { settle: 0 }],
    ["closeGrace", { closeGrace: 0 }],
    ["expire", { expire: 86_400_000 }],
    ["watchdog", { watchdog: 60_000 }],
    ["ciFeedback", { ciFeedback: 9 }],
    ["onConflict", { onConflict: "resume" }],
    ["resumeOn", { resumeOn: "any" }],
  ])("disagree when a setting is not kept: %s", (_, other) => {
    expect(isFound((input) => decide({ ...input, settings: { ...input.settings, ...other } }))).toBe(true)
  })

  it("have no two rules of one name", () => {
    const names = lists.flatMap((list) => rules[list].map(({ name }) => name))
    expect(new Set(names).size).toBe(names.length)
  })
})

describe("decide", () => {
  const lived = (settings: Partial<LifeSettings>, ...happenings: ReadonlyArray<Happening>): World => {
    const world = new World(decide, settings)
    for (const happening of happenings) happen(world, happening)
    return world
  }
  const acts = (...acts: ReadonlyArray<Happening["act"]>): ReadonlyArray<Happening> =>
    acts.map((act) => ({ act }))
  const told = (world: World) => {
    const { verdict } = decide(world.input())
    return verdict._tag === "Wait" ? [verdict.kind, verdict.reason] : [verdict._tag, verdict.reason]
  }
  const deeds = (world: World) =>
    world.deeds.map(({ operation, ok }) =>
      [operation._tag, "cause" in operation ? operation.cause : "", ok ? "" : "failed"]
        .filter(Boolean)
        .join(" "),
    )

  it("carries an issue from its label to its merged pull request", () => {
    const world = lived({}, ...acts("label", "assign", "agentOpensPr", "agentDone", "agentExits", "reviewPr"))
    world.pass(61_000)
    happen(world, { act: "agentDone" })
    world.pass(61_000)
    happen(world, { act: "merge" })
    expect(deeds(world)).toEqual([
      "Launch",
      "Freeze done",
      "Resume remarks",
      "Stop",
      "Freeze done",
      "Destroy merged",
    ])
    expect(told(world)).toEqual(["over", "its work is over, and it was not targeted again since"])
    happen(world, { act: "label" })
    expect(deeds(world).at(-1)).toBe("Launch")
    expect(world.state.generation).toBe(2)
  })

  it("says in words what an issue waits for", () => {
    expect(told(lived({}))).toEqual(["not-targeted", "it has no label bot-bottle:<agent>"])
    expect(told(lived({}, ...acts("label")))).toEqual(["not-targeted", "it has no assignee"])
    expect(told(lived({}, { act: "label", who: "mallory" }, ...acts("assign")))).toEqual([
      "refused",
      "it was labelled, assigned or reopened by mallory, who is not trusted",
    ])
    expect(told(lived({}, ...acts("unknownAgent", "assign")))).toEqual([
      "refused",
      "this repository has no agent stranger",
    ])
    expect(told(lived({}, ...acts("blockDependency", "label", "assign")))).toEqual([
      "dependencies",
      "issues that it depends on are open",
    ])
    expect(told(lived({}, ...acts("fill", "label", "assign")))).toEqual([
      "limit",
      "this machine is at its limit: 1 of 1 running",
    ])
    expect(told(lived({}, ...acts("label", "assign")))).toEqual(["agent", "its agent is at work"])
    expect(told(lived({}, ...acts("label", "assign", "agentDone", "agentExits", "comment")))).toEqual([
      "settle",
      "a person spoke, and may go on",
    ])
  })

  /** As it is when everything but the launch has happened. */
  const targeted = (...more: ReadonlyArray<Happening>): Input =>
    lived({}, ...acts("pause", "label", "assign"), ...more, { act: "continue", hints: 0 }).input()

  it("counts a dependency that cannot be decided as open", () => {
    const input = targeted()
    const undecidable = { ...input, forge: { ...input.forge, dependencies: "undecidable" as const } }
    expect(decide(undecidable).verdict).toMatchObject({ _tag: "Wait", kind: "dependencies" })
  })

  it("tries a failed launch three times with growing delay, and again when it is targeted again", () => {
    const world = lived({}, ...acts("failThrice", "label"), { act: "assign" })
    const start = world.deeds[0]?.at ?? 0
    world.pass(3_600_000)
    expect(world.deeds.map(({ at, ok }) => [at - start, ok])).toEqual([
      [0, false],
      [60_000, false],
      [360_000, false],
    ])
    expect(told(world)).toEqual(["gave-up", "launch failed 3 times: no engine"])
    happen(world, { act: "label" })
    expect(world.deeds.at(-1)?.ok).toBe(true)
  })

  it("keeps the same decision when nothing came of it: a lost operation is decided once", () => {
    const world = lived({}, ...acts("slow", "label", "assign", "sweep", "sweep"))
    world.look()
    expect(world.problems).toEqual([])
    expect(world.state.generation).toBe(1)
  })

  it("marks text that was edited after the issue was targeted, and by whom", () => {
    const input = targeted({ act: "editText", who: "mallory" })
    expect(decide(input).verdict).toMatchObject({
      _tag: "Launch",
      text: { edited: true, editors: ["mallory"] },
    })
    const silent = { ...input, forge: { ...input.forge, editors: [] } }
    expect(decide(silent).verdict).toMatchObject({ text: { edited: true, editors: [] } })
  })

  it("hands the rest of the tightest budget to the run", () => {
    const input = targeted()
    const bounds = [
      ...input.capacity.bounds,
      { of: "this issue", what: "cost" as const, used: 1, limit: 3 },
      { of: "this issue", what: "seconds" as const, used: 10, limit: 100 },
    ]
    expect(decide({ ...input, capacity: { ...input.capacity, bounds } }).verdict).toMatchObject({
      allowance: { cost: 2, seconds: 90 },
    })
  })

  it("without a timeline launches again only what was seen untargeted since", () => {
    const over = acts("timelineUnreadable", "label", "assign", "agentOpensPr", "agentExits", "merge")
    expect(deeds(lived({}, ...over, ...acts("sweep")))).toEqual([
      "Launch",
      "Freeze incomplete",
      "Destroy merged",
    ])
    expect(deeds(lived({}, ...over, ...acts("unlabel", "label"))).at(-1)).toBe("Launch")
  })

  it("compares the forge's times with the forge's clock", () => {
    const world = lived({}, ...acts("label", "assign", "agentOpensPr", "agentDone", "agentExits", "closePr"))
    expect(world.state.nextAt).toBe(world.now + 600_000)
    const spoken = lived({}, ...acts("label", "assign", "agentExits", "comment"))
    expect(spoken.state.nextAt).toBe(spoken.now + 60_000)
  })

  it("gives the watchdog a new period after a jump of its own clock", () => {
    const world = lived({}, ...acts("label", "assign", "hang", "jump"))
    expect(deeds(world)).toEqual(["Launch"])
    world.pass(1_800_000)
    expect(deeds(world)).toEqual(["Launch", "Freeze watchdog"])
  })

  it("takes `@bot` for a mention as a word of its own, in any case", () => {
    const asked = (text: string) => {
      const world = lived({ resumeOn: "mention" }, ...acts("label", "assign", "agentExits"), {
        act: "comment",
        text,
      })
      world.pass(61_000)
      return deeds(world).includes("Resume remarks")
    }
    for (const text of ["@bot", "hey @Bot, please", "(@bot)", "do it @bot."]) expect(asked(text)).toBe(true)
    for (const text of ["bot", "@bottle", "@bot-2", "mail@bot", "@botx"]) expect(asked(text)).toBe(false)
  })

  it("makes rows and operations that survive being stored", () => {
    const world = lived(
      { ciFeedback: 1 },
      ...acts("label", "assign", "agentOpensPr", "agentDone", "agentExits", "checksFail"),
    )
    expect(deeds(world)).toContain("Resume checks")
    const stored = <A, I>(schema: Schema.Schema<A, I>, value: A): A =>
      Schema.decodeUnknownSync(schema)(JSON.parse(JSON.stringify(Schema.encodeSync(schema)(value))))
    expect(stored(IssueState, world.state)).toEqual(world.state)
    for (const { operation } of world.deeds) expect(stored(Operation, operation)).toEqual(operation)
  })
})
