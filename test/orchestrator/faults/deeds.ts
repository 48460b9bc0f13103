/**
 * What people do on a forge by the hundred, the same for the same seed, so that what must come of it does not depend on when a service
 * sees it: deeds come in rounds, and a round counts on no more than what was so when everything had come to rest before it.
 */
import { randomOf } from "../../support/fuzz.ts"

/** What somebody does about an issue or its pull request. */
export interface Deed {
  readonly issue: number
  readonly who: "ada" | "grace" | "eve"
  readonly does:
    | "label"
    | "unlabel"
    | "comment"
    | "commentOnPull"
    | "review"
    | "closePull"
    | "reopenPull"
    | "merge"
    | "closeIssue"
    | "reopenIssue"
  /** A text that no other deed has. */
  readonly mark: string
}

/** What must come of an issue, once a service has seen everything and is at rest. */
export interface Due {
  readonly state: "new" | "frozen" | "over"
  /** Whether it is targeted. */
  readonly held: boolean
  /** Marks that must be in one prompt each. */
  readonly once: ReadonlyArray<string>
  /** Marks that may be in one prompt, or in none. */
  readonly maybe: ReadonlyArray<string>
}

/** Deeds that belong together, and what must have come of each issue after them. */
export interface Round {
  readonly deeds: ReadonlyArray<Deed>
  readonly due: ReadonlyMap<number, Due>
}

interface Life {
  state: Due["state"]
  /** Since when in this round its bottle may be gone, or not be there yet: nothing may count on its pull request. */
  isMoving: boolean
  isLabelled: boolean
  isOpen: boolean
  /** Said to a bottle that rests without a target: heard when it is targeted again. */
  once: Array<string>
  maybe: Array<string>
}

/** Rounds of so many deeds. After the last one every issue that has a bottle is targeted. */
export const makeRounds = (
  seed: number,
  issues: ReadonlyArray<number>,
  sizes: ReadonlyArray<number>,
): ReadonlyArray<Round> => {
  const random = randomOf(seed)
  const below = (end: number) => Math.floor(random() * end)
  const pick = <A>(all: ReadonlyArray<A>): A => all[below(all.length)] as A
  let marks = 0
  const lives = new Map(
    issues.map((issue): [number, Life] => [
      issue,
      { state: "new", isMoving: false, isLabelled: false, isOpen: true, once: [], maybe: [] },
    ]),
  )

  const round = (size: number, isLast: boolean): Round => {
    const deeds: Array<Deed> = []
    for (const life of lives.values()) life.isMoving = false
    const push = (issue: number, does: Deed["does"], who: Deed["who"] = pick(["ada", "grace"])) => {
      const mark = `mark-${(marks += 1)}.`
      deeds.push({ issue, who, does, mark })
      return mark
    }
    const says = (issue: number, life: Life) => {
      const to = life.state === "frozen" && !life.isMoving ? life.once : life.maybe
      to.push(push(issue, pick(["commentOnPull", "review"])))
    }
    const retarget = (issue: number, life: Life) => {
      if (!life.isLabelled) push(issue, "label")
      if (!life.isOpen) push(issue, "reopenIssue")
      life.isLabelled = life.isOpen = true
    }
    const ends = (life: Life) => {
      life.maybe.push(...life.once.splice(0))
      life.state = "over"
      life.isMoving = true
    }
    const again = (issue: number, life: Life) => {
      push(issue, "unlabel")
      push(issue, "label")
      life.state = "frozen"
      life.isMoving = life.isLabelled = true
    }
    const one = (issue: number, life: Life) => {
      const dice = random()
      if (dice < 0.1) return void push(issue, pick(["comment", "commentOnPull", "review"]), "eve")
      if (life.isMoving) return
      if (life.state === "new") {
        if (dice < 0.4) return void life.maybe.push(push(issue, "comment"))
        push(issue, "label")
        Object.assign(life, { state: "frozen", isMoving: true, isLabelled: true })
        return
      }
      if (life.state === "over") return again(issue, life)
      if (!life.isLabelled || !life.isOpen) return dice < 0.5 ? says(issue, life) : retarget(issue, life)
      if (dice < 0.55) return says(issue, life)
      if (dice < 0.65) return void life.maybe.push(push(issue, "comment"))
      if (dice < 0.74) {
        push(issue, "unlabel")
        life.isLabelled = false
        return
      }
      if (dice < 0.79) {
        push(issue, "closeIssue")
        life.isOpen = false
        return
      }
      if (dice < 0.84) {
        push(issue, "closePull")
        push(issue, "reopenPull")
        return
      }
      push(issue, dice < 0.9 ? "closePull" : "merge")
      ends(life)
      if (dice > 0.95) again(issue, life)
    }
    for (let tries = 0; deeds.length < size && tries < 10_000; tries += 1) {
      const issue = pick(issues)
      const life = lives.get(issue)
      if (life !== undefined) one(issue, life)
    }
    if (isLast) for (const [issue, life] of lives) if (life.state === "frozen") retarget(issue, life)
    const due = new Map(
      [...lives].map(([issue, { state, isLabelled, isOpen, once, maybe }]): [number, Due] => [
        issue,
        { state, held: isLabelled && isOpen, once: [...once], maybe: [...maybe] },
      ]),
    )
    return { deeds, due }
  }
  return sizes.map((size, index) => round(size, index === sizes.length - 1))
}
