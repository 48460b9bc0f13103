/** What GiteaForge does about details that are more than it may hold. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as reviewActions from "../../../src/simulator/reviewActions.ts"
import { numbered } from "../../contracts/Forge.ts"
import { simulated } from "../../support/gitea.ts"

const BYTES_MAX = 128 * 1024

it.scoped("reviews of which each answer is small enough are refused when together they are too large", () =>
  Effect.gen(function* () {
    const { forge, state } = yield* simulated({ answerBytesMax: BYTES_MAX })
    const repo = state.repo("acme", "tool")
    if (repo === undefined) return yield* Effect.dieMessage("no repository")
    const { id } = state.ensureUser("stranger")
    const long = "x".repeat(BYTES_MAX / 8)
    const review = () =>
      reviewActions.submit(state, numbered(repo, 18), id, {
        state: "COMMENT",
        body: "See",
        lines: [{ path: "a.ts", line: 1, body: long, hunk: "@@" }],
      })
    for (let n = 0; n < 7; n++) review()
    expect(yield* forge.readReviews(18)).toHaveLength(7)
    review()
    review()
    expect(yield* Effect.flip(forge.readReviews(18))).toMatchObject({
      reason: "Malformed",
      shown: "the reviews of #18 have more text than can be read here (0.125 MiB)",
    })
  }),
)
