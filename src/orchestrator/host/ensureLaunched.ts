/** ensureLaunched: makes sure that a bottle works on the issue. However often it is called, it launches once. */
import { Effect, Option } from "effect"
import { createHash } from "node:crypto"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { RunNumber } from "../../domain/orchestrator/IssueKey.ts"
import type { Launch } from "../../domain/orchestrator/Operation.ts"
import { launchPrompt } from "../../domain/orchestrator/prompts.ts"
import type { StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { SUFFIX_ALPHABET } from "../../domain/Slug.ts"
import { bottleState } from "../../programs/bottleState.ts"
import { claimIssue } from "../../programs/claimIssue.ts"
import { destroy } from "../../programs/destroy.ts"
import { performStart, prepareStart } from "../../programs/launch.ts"
import { Backends } from "../../services/Backends.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import { Operations } from "../../services/Operations.ts"
import { bottleOf } from "../issue/observeBottle.ts"
import type { ServedRepository } from "../ServedRepositories.ts"
import { traceparentFor } from "../trace/traced.ts"
import { assigned } from "./assigned.ts"
import { triggerOf } from "./triggerOf.ts"
import { within } from "./within.ts"
import { textsOf } from "./texts.ts"

/**
 * Launches, unless an earlier attempt launched the bottle of the issue. Leftovers of a killed attempt are removed first. The slug and
 * its run are stored with the operation before anything is created.
 */
export const ensureLaunched = Effect.fn("ensureLaunched")(function* (
  operation: StoredOperation,
  input: Launch,
  served: ServedRepository,
) {
  if (yield* isLaunched(operation)) return
  const { issue, remarks, agentGitUser, targetedBy } = yield* textsOf(operation, served, [], input)
  const prompt = launchPrompt({ issue, remarks })
  const forge = assigned(operation, served)
  const traceparent = yield* traceparentFor(operation)
  const { backend } = served
  const prepared = yield* prepareStart(
    input.agent,
    {
      bottles: input.bottles,
      forge,
      ...(traceparent !== undefined && { traceparent }),
      trigger: triggerOf("targeted", [...targetedBy, ...remarks.map(({ author }) => author.login)]),
      ...(backend !== undefined && { backend }),
    },
    Option.some(prompt),
  )
  const run = within(prepared.run, input.allowance)
  yield* performStart({ ...prepared, run, suffix: suffixOf(operation) }, (bottle) =>
    Effect.gen(function* () {
      const run = { slug: bottle.slug, run: RunNumber.make(bottle.run) }
      yield* (yield* Operations).start(operation.id, run)
      const claim = yield* claimIssue(operation, bottle, { namedPr: Option.none(), agentGitUser })
      return claim.restore
    }),
  )
})

/** Whether an earlier attempt started the agent. Removes its other leftovers. */
const isLaunched = Effect.fnUntraced(function* (operation: StoredOperation) {
  const own = yield* bottleOf(operation)
  if (Option.isSome(own)) {
    const { metadata } = own.value
    const state = yield* bottleState(yield* (yield* Backends).get(metadata.spec.backend), metadata)
    if (state !== "created" && state !== "destroying") return true
    yield* destroy(metadata.slug)
  }
  const isOfAttempt = mintedBy(operation)
  const minted = (yield* (yield* BottleStore).all).filter(isOfAttempt)
  if (minted.length === 0) return false
  const rows = yield* (yield* ForgeStateStore).all
  const claimed = new Set(rows.filter(({ status }) => status !== "destroyed").map(({ slug }) => slug))
  const left = minted.filter(({ slug }) => !claimed.has(slug))
  yield* Effect.forEach(left, ({ slug }) => destroy(slug), { discard: true })
  return false
})

/** Rows that were minted by an attempt of this operation. One that is not claimed died before it claimed the issue, or while its removal released the claim. */
const mintedBy = (operation: StoredOperation) => {
  const end = `-${suffixOf(operation)}`
  return ({ slug, spec }: BottleMetadata): boolean => slug.endsWith(end) && spec.forgeTargeted
}

/** The suffix of the slugs that attempts of one operation mint, so that each finds the leftovers of another. */
const suffixOf = ({ id }: StoredOperation): string =>
  [...createHash("sha256").update(id).digest().subarray(0, 5)]
    .map((byte) => SUFFIX_ALPHABET[byte % SUFFIX_ALPHABET.length])
    .join("")
