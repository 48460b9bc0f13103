/** sweepOnce asks the forge what changed since the last sweep, and stores hints in the order of the changes. */
import { Clock, type Context, Duration, Effect, Option, Schema, Stream } from "effect"
import type { DurationInput } from "effect/Duration"
import type { ForgeConfigInvalid, ForgeRequestError } from "../../domain/Errors.ts"
import type { ChangedIssue } from "../../domain/ForgeChanges.ts"
import type { ForgeAccess } from "../../domain/ForgeTarget.ts"
import { InboxHint, sweepHintId } from "../../domain/orchestrator/InboxHint.ts"
import { IssueKey, issueId, type RepositoryKey } from "../../domain/orchestrator/IssueKey.ts"
import type { SweepCursor } from "../../domain/orchestrator/SweepCursor.ts"
import { AGENT_LABEL } from "../../domain/Targeting.ts"
import { Forges } from "../../services/Forges.ts"
import { SweepCursors } from "../../services/SweepCursors.ts"
import type { AcceptHint } from "../ingest/webhook.ts"

/** What to sweep, and where its hints go. */
export interface SweepOptions {
  readonly access: ForgeAccess
  /** The forge's normalised API address (`forgeAddress`). */
  readonly forge: string
  /** Name of the stored time up to which was swept; the forge's address unless given. */
  readonly cursor?: string
  readonly isListed: (repository: RepositoryKey, kind: "sweep") => boolean
  /** A text that changes when other repositories are served: all open issues are then looked at once. */
  readonly listing: string
  readonly accept: AcceptHint
  /** How much of the previous window is asked for again; 1 minute unless given, at least 5 seconds. */
  readonly overlap?: DurationInput
}

/** Result of a sweep. */
export interface Swept {
  /** The forge's clock when it began; absent when the forge does not say. */
  readonly forgeTime?: number
  /** Issues and pull requests of repositories that are served. */
  readonly found: number
  /** Hints that were not known before. */
  readonly accepted: number
  /** When it began, in nanoseconds of a monotonic clock. */
  readonly began: bigint
}

/** Sweeps once. `before` is this process's last completed sweep. The cursor moves only after all hints are stored. */
export const sweepOnce = Effect.fn("sweepOnce")(function* (options: SweepOptions, before?: Swept) {
  const { forge, listing, accept, cursor: name = forge } = options
  const overlap = Math.max(Duration.toMillis(options.overlap ?? "1 minute"), OVERLAP_MIN)
  const cursors = yield* SweepCursors
  const forges = yield* Forges
  const read = (since: number | undefined) => readChanges(forges, options.access, since)
  const cursor = Option.getOrUndefined(yield* cursors.get(name))
  const sweptAt = yield* Clock.currentTimeMillis
  const began = yield* Clock.currentTimeNanos
  const first = yield* read(cursor && cursor.forgeTime - overlap)
  const { forgeTime } = first
  const found = [...(cursor === undefined ? first.changes.filter(isTargeted) : first.changes)]
  if (cursor !== undefined) {
    const elapsed =
      before === undefined
        ? Math.max(0, sweptAt - cursor.sweptAt)
        : Number((began - before.began) / 1_000_000n)
    // Changes made after the forge's clock was set back carry times from before the window.
    const back = forgeTime === undefined ? 0 : cursor.forgeTime + elapsed - forgeTime
    if (back > overlap) found.push(...(yield* read(cursor.forgeTime - overlap - back)).changes)
    // Labels that were set before a repository was served are older than every window.
    if (cursor.listing !== listing) found.push(...(yield* read(undefined)).changes.filter(isTargeted))
  }
  const hints = inOrder(options, found).map(({ key, updatedAt, isPull }) => {
    const isSettled = forgeTime === undefined || updatedAt + SETTLED <= forgeTime
    const id = sweepHintId(key, updatedAt, isSettled ? undefined : forgeTime)
    return new InboxHint({ id, ...key, kind: "sweep", receivedAt: sweptAt, detail: { isPull } })
  })
  // As many at once as one disk flush and one statement store well. They are stored in the given order.
  const answers = yield* Effect.forEach(hints, accept, { concurrency: 512 })
  const upTo = forgeTime ?? latestOf(cursor, found)
  if (upTo !== undefined) yield* cursors.set(name, { forgeTime: upTo, sweptAt, listing })
  return {
    ...(forgeTime !== undefined && { forgeTime }),
    found: hints.length,
    accepted: answers.filter((answer) => answer === "accepted").length,
    began,
  } satisfies Swept
})

/** The overlap covers changes while the forge responds, and those that are not yet {@link SETTLED}. */
const OVERLAP_MIN = 5000
/** A forge's times and clock have whole seconds: a second is certainly over when two have passed. */
const SETTLED = 2000

/** All changes, with the forge's clock at the first request. */
const readChanges = (
  { changedSince }: Context.Tag.Service<Forges>,
  access: ForgeAccess,
  since: number | undefined,
): Effect.Effect<
  { readonly changes: ReadonlyArray<ChangedIssue>; readonly forgeTime?: number },
  ForgeRequestError | ForgeConfigInvalid
> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeNanos
    const none: {
      readonly changes: Array<ChangedIssue>
      readonly forgeTime?: number
      readonly read: boolean
    } = { changes: [], read: false }
    const { read: _, ...all } = yield* Stream.runFoldEffect(
      changedSince(access, since),
      none,
      (all, { changes, forgeTime }) =>
        Effect.map(Clock.currentTimeNanos, (now) => {
          all.changes.push(...changes)
          if (all.read || forgeTime === undefined) return { ...all, read: true }
          // The header is written when the response is ready; its content was read before.
          return { ...all, read: true, forgeTime: forgeTime - Math.ceil(Number(now - began) / 1_000_000) }
        }),
    )
    return all
  })

const isTargeted = ({ state, labels }: ChangedIssue): boolean =>
  state === "open" && labels.some((label) => label.startsWith(AGENT_LABEL))

interface Changed {
  readonly key: IssueKey
  readonly updatedAt: number
  readonly isPull: boolean
}

/** Changes in served repositories, each once, in the order in which they changed. */
const inOrder = (
  { forge, isListed }: SweepOptions,
  found: ReadonlyArray<ChangedIssue>,
): ReadonlyArray<Changed> => {
  const latest = new Map<string, Changed>()
  for (const { owner, repo, number, updatedAt, isPull } of found) {
    const decoded = decodeKey({ forge, owner, repo, issueNumber: number })
    if (Option.isNone(decoded) || !isListed(decoded.value, "sweep")) continue
    const key = decoded.value
    const known = latest.get(issueId(key))
    if (known === undefined || known.updatedAt < updatedAt)
      latest.set(issueId(key), { key, updatedAt, isPull })
  }
  return [...latest.values()].sort(
    (a, b) => a.updatedAt - b.updatedAt || a.key.issueNumber - b.key.issueNumber,
  )
}

const decodeKey = Schema.decodeUnknownOption(IssueKey)

const latestOf = (cursor: SweepCursor | undefined, found: ReadonlyArray<ChangedIssue>): number | undefined =>
  found.reduce<number | undefined>(
    (latest, { updatedAt }) => Math.max(latest ?? updatedAt, updatedAt),
    cursor?.forgeTime,
  )
